"""Runs code for Nexus: a line of JSON each way.

Standard input brings a word that marks answers, then requests; standard output takes answers and nothing else. Both are moved away
from where code expects them, so that what code prints goes to standard error and never looks like an answer.
"""

import ast
import asyncio
import base64
import inspect
import io
import json
import linecache
import os
import sys
import traceback
import types

MAX_TEXT, MAX_ROWS, MAX_COLUMNS, MAX_LABELS = 20000, 200, 50, 500


def cut(value, limit=MAX_TEXT, how=repr):
    try:
        text = how(value)
    except Exception as error:  # A value may refuse to be shown.
        text = f"<{type(value).__name__}: cannot be shown, {type(error).__name__}>"
    return text if len(text) <= limit else text[:limit] + "…"


def cell(value):
    return "" if value is None else cut(value, 300, str)


def number(value):
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    return value if value == value and abs(value) != float("inf") else None


def table_of(value):
    """The value as a table, or None: data frames of pandas and polars, their series, lists of records."""
    kind = type(value)
    home = kind.__module__.split(".")[0]
    if home in ("pandas", "polars") and kind.__name__ == "Series":
        value, kind = value.to_frame(), None
    if home in ("pandas", "polars") and hasattr(value, "columns") and hasattr(value, "head"):
        head, total = value.head(MAX_ROWS), len(value)
        columns = [str(name) for name in head.columns][:MAX_COLUMNS]
        if home == "polars":
            rows = [list(row[:MAX_COLUMNS]) for row in head.rows()]
        else:
            rows = [list(row[: MAX_COLUMNS + 1]) for row in head.itertuples()]
            columns = [str(head.index.name or "")] + columns
    elif isinstance(value, (list, tuple)) and value and all(isinstance(row, dict) for row in value):
        columns = list(dict.fromkeys(key for row in value[:MAX_ROWS] for key in row))[:MAX_COLUMNS]
        rows, total = [[row.get(key) for key in columns] for row in value[:MAX_ROWS]], len(value)
        columns = [str(key) for key in columns]
    else:
        return None
    return {"columns": columns, "rows": [[cell(it) for it in row] for row in rows], "total_rows": total}


# RustPython, the built-in interpreter, knows no `await` at the top.
AWAITS_AT_THE_TOP = sys.implementation.name != "rustpython"
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def of_this_scope(node):
    """The nodes below this one that are no part of an inner function or class."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from of_this_scope(child)


def awaits(tree):
    return any(
        isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) or getattr(node, "is_async", 0)
        for node in of_this_scope(tree)
    )


def as_function(tree):
    """A module that awaits as one that defines `_cell`, which does the same to the module's names and returns the last value."""
    names = set()
    for node in of_this_scope(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
    body = tree.body
    if body and isinstance(body[-1], ast.Expr):
        body[-1] = ast.copy_location(ast.Return(body[-1].value), body[-1])
    if names:
        body.insert(0, ast.copy_location(ast.Global(sorted(names)), body[0]))
    shell = ast.parse("async def _cell(): pass")
    shell.body[0].body = body
    return shell


class Session:
    def __init__(self):
        self.module = types.ModuleType("__main__")
        self.module.__builtins__ = __builtins__
        sys.modules["__main__"] = self.module
        self.module.show_chart = self.show_chart
        self.module.show_table = self.show_table
        self.count = 0
        self.loop = None
        self.tables, self.charts, self.images = [], [], []

    def show_chart(self, labels, series, title="", kind="line"):
        """Shows a chart: series is a list of numbers or a map of names to lists; kind is "line" or "bar"."""
        if kind not in ("line", "bar"):
            raise ValueError('kind must be "line" or "bar"')
        if not isinstance(series, dict):
            series = {"": series}
        labels = [cell(label) for label in labels]
        for name, values in series.items():
            if len(list(values)) != len(labels):
                raise ValueError(f"series {name!r} must have a value for each of the {len(labels)} labels")
        self.charts.append({
            "kind": kind,
            "title": str(title),
            "labels": labels[:MAX_LABELS],
            "series": [
                {"name": cell(name), "values": [number(value) for value in values][:MAX_LABELS]}
                for name, values in series.items()
            ],
        })

    def show_table(self, rows):
        """Shows a data frame or a list of dicts as a table."""
        table = table_of(rows)
        if table is None:
            raise TypeError("rows must be a data frame, a series or a list of dicts")
        self.tables.append(table)

    def run(self, code):
        self.tables, self.charts, self.images = [], [], []
        reply = {}
        self.count += 1
        name = f"<cell {self.count}>"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        try:
            value = self.evaluate(code, name)
            self.figures()
            if value is not None:
                self.module._ = value
                self.show_value(value, reply)
        except SystemExit as error:
            if error.code not in (None, 0):
                reply["error"] = f"SystemExit: {error.code}"
        except BaseException as error:
            reply["error"] = self.explain(error)
        reply.update(tables=self.tables, charts=self.charts, images=self.images)
        return reply

    def evaluate(self, code, name):
        tree = ast.parse(code, name)
        if not AWAITS_AT_THE_TOP and awaits(tree):
            exec(compile(as_function(tree), name, "exec"), self.module.__dict__)
            return self.wait(self.module.__dict__.pop("_cell")())
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self.step(tree, name, "exec")
        return self.step(ast.Expression(last.value), name, "eval") if last else None

    def step(self, tree, name, mode):
        code = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, self.module.__dict__)
        if not code.co_flags & inspect.CO_COROUTINE:
            return value
        return self.wait(value)

    def wait(self, value):
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        return self.loop.run_until_complete(value)

    def show_value(self, value, reply):
        table = table_of(value)
        if table is not None:
            self.tables.append(table)
            return
        picture = getattr(type(value), "_repr_png_", None)
        png = picture(value) if picture else None
        if isinstance(png, bytes):
            self.images.append(base64.b64encode(png).decode())
            return
        if type(value).__module__.startswith("matplotlib.") and self.images:
            return  # The figure itself was shown.
        reply["value"] = cut(value)

    def figures(self):
        plot = sys.modules.get("matplotlib.pyplot")
        if plot is None:
            return
        for figure in plot.get_fignums():
            file = io.BytesIO()
            plot.figure(figure).savefig(file, format="png", dpi=100, bbox_inches="tight")
            self.images.append(base64.b64encode(file.getvalue()).decode())
        plot.close("all")

    @staticmethod
    def explain(error):
        """The traceback without the driver's own frames."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and trace and trace.tb_frame.f_code.co_filename in (getattr(ast, "__file__", None), "ast"):
            trace = None
        text = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
        return text if len(text) <= MAX_TEXT else text[: MAX_TEXT // 2] + "\n…\n" + text[-MAX_TEXT // 2 :]


def main():
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    os.environ.setdefault("MPLBACKEND", "Agg")
    # Modules of the working folder, not those beside this file.
    sys.path[0] = ""
    sys.argv = [""]
    word = requests.readline().strip()
    session = Session()
    process = os.getpid()
    for line in requests:
        reply = session.run(json.loads(line)["code"])
        if os.getpid() != process:
            os._exit(0)  # A fork that came out of the code.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # Code may have closed or replaced it.
        text = word + json.dumps(reply, ensure_ascii=True).encode() + b"\n"
        while text:
            text = text[os.write(replies, text) :]
        os.write(2, b"\x1e" + word + b"\x1e\n")


main()
