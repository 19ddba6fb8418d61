"""llama.cpp through its Python server, with the same file and the same words as ours.

    peer.py quantize FROM TO Q8_0
    peer.py measure MODEL CONTEXT THREADS       (prints a line of JSON, name to number)
    peer.py serve MODEL CONTEXT THREADS PORT    (what `measure` starts)
"""
import json, os, socket, subprocess, sys, time, http.client

ANSWER_TOKENS = 64
PROMPTS = [
    ("40", "Why is the sea blue", 1),
    ("600", "The keeper wrote down the weather every morning. ", 63),
    ("3000", "A whale went round the lighthouse in the night. ", 296),
]


def quantize(source, target, kind):
    import llama_cpp

    kinds = {"Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0}
    wanted = llama_cpp.llama_model_quantize_default_params()
    wanted.ftype = kinds[kind]
    wanted.allow_requantize = True
    failed = llama_cpp.llama_model_quantize(source.encode(), target.encode(), wanted)
    sys.exit(1 if failed else 0)


def serve(model, context, threads, port):
    import uvicorn
    from llama_cpp.server.app import create_app
    from llama_cpp.server.settings import ModelSettings, ServerSettings

    began = time.perf_counter()
    app = create_app(
        server_settings=ServerSettings(host="127.0.0.1", port=int(port)),
        model_settings=[
            ModelSettings(
                model=model,
                n_ctx=int(context),
                n_threads=int(threads),
                n_threads_batch=int(threads),
                verbose=False,
            )
        ],
    )
    print((time.perf_counter() - began) * 1000, flush=True)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")


def ask(port, messages, tokens):
    """Milliseconds to the first text, milliseconds from there to the end, tokens, text."""
    body = json.dumps({"messages": messages, "max_tokens": tokens, "temperature": 0, "stream": True})
    began = time.perf_counter()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    line.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    first, pieces, reason = None, [], None
    for event in line.getresponse():
        if not event.startswith(b"data: {"):
            continue
        choice = json.loads(event[6:])["choices"][0]
        reason = choice.get("finish_reason") or reason
        piece = choice["delta"].get("content")
        if piece:
            if first is None:
                first = time.perf_counter()
            pieces.append(piece)
    ended = time.perf_counter()
    # Pieces are tokens, but for those that are half a character; at the limit the count is known.
    count = tokens if reason == "length" else len(pieces)
    return (first - began) * 1000, (ended - first) * 1000, count, "".join(pieces)


def said(words):
    return {"role": "user", "content": words}


def measure(model, context, threads):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", model, context, threads, str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        numbers = {"load_ms": float(server.stdout.readline())}
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        ask(port, [said("Good morning to you.")], 4)
        for name, words, times in PROMPTS:
            messages = [said(words * times)]
            first, rest, count, text = ask(port, messages, ANSWER_TOKENS)
            numbers[f"first_token_{name}_ms"] = first
            numbers[f"tokens_per_s_after_{name}"] = (count - 1) / rest * 1000
            if name == "600":
                messages += [{"role": "assistant", "content": text}, said("And what did he write then?")]
                numbers["follow_up_first_token_ms"] = ask(port, messages, 4)[0]
        with open(f"/proc/{server.pid}/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
            numbers["peak_mb"] = int(peak.split()[1]) * 1024 / 1e6
        print(json.dumps(numbers))
    finally:
        server.kill()
        server.wait()


{"quantize": quantize, "serve": serve, "measure": measure}[sys.argv[1]](*sys.argv[2:])
