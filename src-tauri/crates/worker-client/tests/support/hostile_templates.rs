//! Chat templates that nobody should render: each must end in a typed error, or in a prompt, within two seconds.

/// Name and source.
pub const TEMPLATES: [(&str, &str); 30] = [
    ("no end", "{% for m in messages %}"),
    ("no such tag", "{% explode %}"),
    ("an open expression", "{{ messages[0]"),
    ("no such filter", "{{ messages|detonate }}"),
    ("no such test", "{{ messages is radioactive }}"),
    ("no such function", "{{ launch(1) }}"),
    (
        "loops in loops",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    ),
    (
        "a range of a billion",
        "{% for a in range(1000000000) %}x{% endfor %}",
    ),
    ("a list of a billion", "{{ range(1000000000)|list|length }}"),
    (
        "a range to the edge",
        "{{ range(9223372036854775807)|list }}",
    ),
    (
        "doubling text",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s|length }}",
    ),
    (
        "doubling output",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{{ n.s }}{% endfor %}",
    ),
    (
        "a doubling list",
        "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s|length }}",
    ),
    ("a text a billion times", "{{ 'x' * 10000000000 }}"),
    ("a billion blanks", "{{ 'x'|indent(10000000000) }}"),
    ("a wide number", "{{ '%10000000000d'|format(1) }}"),
    (
        "replaced by much",
        "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(30) %}{% set n.s = n.s|replace('a', 'aaaaaaaa') %}{% endfor %}{{ n.s }}",
    ),
    (
        "a macro that calls itself",
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
    ),
    (
        "two macros in a ring",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    ),
    (
        "a loop that calls itself",
        "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
    ),
    ("another file", "{% include '/etc/passwd' %}"),
    ("itself within itself", "{% include 'chat' %}"),
    ("another's blocks", "{% extends '../../secret' %}"),
    (
        "another's macros",
        "{% import 'os' as os %}{{ os.popen('id').read() }}",
    ),
    (
        "classes of Python",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    ),
    (
        "the interpreter's own",
        "{{ self.__init__.__globals__['os'].system('id') }}",
    ),
    (
        "it refuses",
        "{{ raise_exception('no conversation pleases me') }}",
    ),
    ("a time without end", "{{ strftime_now('%Y' * 100000000) }}"),
    ("divided by nothing", "{{ 1 / 0 }}{{ 1 % 0 }}{{ 1 // 0 }}"),
    ("nothing at all", "{{ '' }}"),
];

/// Brackets within brackets: compilers call themselves for each.
pub fn deep() -> Vec<(&'static str, String)> {
    let around = |open: &str, close: &str, times: usize| {
        format!("{{{{ {}1{} }}}}", open.repeat(times), close.repeat(times))
    };
    vec![
        ("brackets 100,000 deep", around("(", ")", 100_000)),
        ("lists 100,000 deep", around("[", "]", 100_000)),
        ("denied 200,000 times", around("not ", "", 200_000)),
        (
            "conditions 20,000 deep",
            format!(
                "{}x{}",
                "{% if 1 %}".repeat(20_000),
                "{% endif %}".repeat(20_000)
            ),
        ),
        (
            "a sum of 200,000",
            format!("{{{{ 1{} }}}}", "+1".repeat(200_000)),
        ),
    ]
}
