"""Prints texts and what ast.literal_eval makes of each, one JSON object a line: python3 literals.py COUNT SEED

{"kind", "text", "value"} or {"kind", "text", "error": true}. The value is plain data as the reader under test is meant
to give it: integers beyond 2^53 - 1 as their digits, tuples as lists, keys as in JSON. What has no such form (bytes,
sets, complex numbers, ...) is {"kind", "text", "other": true}.
"""
import ast, json, math, random, sys, warnings

warnings.simplefilter("ignore")
count, rng = int(sys.argv[1]), random.Random(int(sys.argv[2]))
ALPHABET = list("abc xyz 'quote' \"two\" \\ \n\t\r\0\x07\x1b\x7f\x85\xa0é中\u2028\ufeff😀{}[](),:#0129.eE+-_xuUN")


def text():
    return "".join(rng.choice(ALPHABET) for _ in range(rng.choice([0, 1, 2, 5, 12, 40])))


def scalar():
    kind = rng.randrange(9)
    if kind < 4:
        return text()
    if kind == 4:
        return rng.choice([None, True, False])
    if kind == 5:
        return rng.choice([0, -1, 7, 2**53 - 1, -(2**53), 2**63, -(10**30), rng.randrange(-1000, 1000)])
    return rng.choice([0.5, -2.5e-3, 1e300, 1e-300, 1e22, rng.random(), rng.gauss(0, 1e6), 3.0])


def nested(depth):
    if depth == 0 or rng.random() < 0.3:
        return scalar()
    size = rng.randrange(4)
    kind = rng.randrange(3)
    if kind == 0:
        return [nested(depth - 1) for _ in range(size)]
    if kind == 1:
        return tuple(nested(depth - 1) for _ in range(size))
    keys = [rng.choice([text(), text(), "__proto__", "constructor", rng.randrange(100), None, 1.5]) for _ in range(size)]
    return {key: nested(depth - 1) for key in keys}


SPACE = ["", "", "", " ", "  ", "\t", "\n", "\r\n", "\f", "\r"]
ATOMS = """None True False none nan inf 0 00 01 1 -1 - -1 +1 --1 1. .5 1.5e3 1e5 1E-5 1e999 -0 -0.0 1_0 0x1F 0b1 0o7 1j 1+2j ... 'a' "b" ''
'''t''' b'x' r'\\n' u'y' f'z' 'a''b' '\\x41' '\\x4' '\\u00e9' '\\u00e' '\\U0001F600' '\\U00110000' '\\N{DASH}' '\\q' '\\101' '\\777' '\\8' '\\
' '\\' {1} set() () (1) (1,) [] {} {'a':1} {1:2} {None:1} {(1,2):3} {[]:1} a.b f(x) 'it"s' "it's" '9007199254740993' 9007199254740993""".split(" ")


def grammar(depth):
    """A text that may be a literal."""
    space = lambda: rng.choice(SPACE)
    if depth == 0 or rng.random() < 0.35:
        return rng.choice(ATOMS)
    inner = [grammar(depth - 1) for _ in range(rng.randrange(4))]
    comma = lambda items: (space() + "," + space()).join(items) + rng.choice(["", "", "", ",", ",,"])
    kind = rng.randrange(4)
    if kind == 0:
        return "[" + space() + comma(inner) + space() + "]"
    if kind == 1:
        return "(" + space() + comma(inner) + space() + ")"
    if kind == 2:
        return "{" + space() + comma([f"'k{i}'{space()}:{space()}{item}" for i, item in enumerate(inner)]) + "}"
    return space().join(inner)


def damaged(source):
    """A few characters of a text changed, dropped, doubled or put in."""
    chars = list(source)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(chars) + 1)
        what = rng.randrange(4)
        new = rng.choice("'\"\\[](){},:0123456789.eEx+-_NTFu \n#\0")
        if what == 0:
            chars[at:at] = [new]
        elif what == 1:
            del chars[at : at + 1 + rng.randrange(3)]
        elif what == 2:
            chars[at : at + 1] = [new]
        else:
            chars[at:at] = chars[at : at + 5]
    return "".join(chars)


class Other(Exception):
    pass


def plain(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        if math.isinf(value) or math.isnan(value):
            return {"float": repr(value)}
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        keys = [key if isinstance(key, str) else name(key) for key in value]
        return {key: plain(item) for key, item in zip(keys, value.values())}
    raise Other


def name(key):
    if key is None or isinstance(key, bool):
        return json.dumps(key)
    if isinstance(key, (int, float)):
        return repr(int(key)) if key == int(key) else repr(key)
    raise Other


for _ in range(count):
    kind = rng.choice(["repr", "json", "grammar", "damaged"])
    if kind == "grammar":
        source = rng.choice(["", "", " ", "\t", "\n"]) + grammar(3) + rng.choice(["", "", "\n", " ", " \n "])
    else:
        source = (json.dumps if kind == "json" else repr)(nested(4))
        if kind == "damaged":
            source = damaged(source)
    line = {"kind": kind, "text": source}
    try:
        line["value"] = plain(ast.literal_eval(source))
    except Other:
        line["other"] = True
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        line["error"] = True
    print(json.dumps(line))
