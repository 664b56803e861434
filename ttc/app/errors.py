"""Explains Hydra's and OmegaConf's exceptions on one line: the value, the rule, the remedy."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from omegaconf.nodes import BooleanNode, EnumNode, FloatNode, IntegerNode

from ttc.app.launchers import LAUNCHER_PACKAGES, missing_package
from ttc.config import RunConfig
from ttc.errors import UserError

LISTED_KEYS = 12
_KEY = re.compile(r"(?:\+\+?|~)?[A-Za-z_][\w-]*(?:[/.][\w-]+)*(?:@[\w.:-]+)?")
_GROUPS = ("strategy", "generator", "prm", "data", "difficulty", "grader", "store")
_QUOTE = "quote a text that contains any of = , : ' \" [ ] { } ( )"
_TEXT_KEYS = ("path", "dir", "name", "model", "hub", "revision", "answer_marker")

EXAMPLES = {"budget": "64", "flops": "3e9", "tokens": "5000"}  # of numbers that are null by default


def explain(error: Exception, overrides: Sequence[str]) -> UserError:
    """Turn an error in a config or on the command line into one line. `overrides` is what the user typed."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if nameless := next((override for override in overrides if not _key_of(override)), None):
        return UserError(f"{nameless}: the name of the key is missing; use e.g. budget=64.")
    if isinstance(error, MissingConfigException) and error.options:
        return _unknown_option(error.missing_cfg_file or "", error.options)
    if isinstance(error, OverrideParseException):
        return _unparsable(error)
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _unknown_key(cause, overrides)
    if isinstance(cause, MissingMandatoryValue):
        return UserError(f"{cause.full_key} has no value; set {cause.full_key}=...")
    if isinstance(cause, ValidationError):
        return _impossible_value(cause, overrides)
    if isinstance(error, ConfigCompositionException) and (several := _several_values(str(error))):
        return several
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        typed = _typed(cause.full_key, overrides)
        if variable := re.search(r"Interpolation key '([A-Z][A-Z0-9_]*)' not found", str(cause)):
            name = variable[1]
            return UserError(f"{typed}: the config has no key {name}; an environment variable is ${{oc.env:{name}}}.")
        return UserError(f"{typed}: {_one_line(str(cause))}; fix the value.")
    if "group override must be a string" in str(error) and (nameless := _no_option(overrides)):
        return UserError(f"{nameless}: must be the name of one of the group's options; use e.g. strategy=beam.")
    if already := re.search(r"An item is already at '(.*?)'", str(error)):
        typed = _typed(already[1], overrides)
        return UserError(f"{typed}: {already[1]} is in the config already; leave out the plus: {typed.lstrip('+')}")
    return UserError(_one_line(str(error)) or type(error).__name__)


def closest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return "; did you mean X?" or, when no name is close, the names to choose from."""
    names = sorted(map(str, known))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    listed = ", ".join(f"{prefix}{name}" for name in names[:LISTED_KEYS])
    return f"; use one of: {listed}{', ...' if len(names) > LISTED_KEYS else ''}."


def _unknown_option(path: str, options: Sequence[str]) -> UserError:
    group, _, option = path.rpartition("/")
    if group == "hydra/launcher" and option in LAUNCHER_PACKAGES:
        return missing_package(option)
    close = difflib.get_close_matches(option, options, n=1)
    hint = f"did you mean {group}={close[0]}? The options are" if close else "the options are"
    return UserError(f"{group}={option}: no such {group}; {hint}: {', '.join(sorted(options))}.")


def _unparsable(error: OverrideParseException) -> UserError:
    override = error.override
    key, equals, value = override.partition("=")
    if not equals:
        return UserError(f"{override}: not of the form key=value; use e.g. budget=64.")
    if not _KEY.fullmatch(key):
        return UserError(f"{override}: {key!r} is not the name of a key; use e.g. budget=64.")
    if value.strip().startswith(",") or value.strip().endswith(","):
        return UserError(f"{override}: a value is missing beside a comma; use e.g. budget=4,16 with -m.")
    if joined := _joined_overrides(override):
        return UserError(f"{override}: cannot be read; separate overrides by spaces: {joined}")
    return UserError(f"{override}: cannot be read; {_QUOTE}: {quoted_override(key, value)}")


def quoted_override(key: str, value: str) -> str:
    """Return an override for the shell whose value Hydra reads as this text, whatever characters it has."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    text = value.replace("${", "\\${")  # of an interpolation
    text = re.sub(r'(\\*)("|\Z)', lambda found: found[1] * 2 + ('\\"' if found[2] else ""), text)
    return shlex.quote(f'{key}="{text}"')


def _joined_overrides(override: str) -> str | None:
    """Split `strategy=beam,width=4`, meant as two overrides: at the keys of a run, or those of a group's option."""
    keys = [field.name for field in fields(RunConfig)]
    group = override.partition("=")[0]
    key = r"[A-Za-z_][\w.]*" if group in _GROUPS else rf"(?:{'|'.join(keys)})(?:\.[\w.]+)?"
    first, *others = re.split(rf"[,;\s]+(?={key}=)", override)
    named = [other if re.split(r"[.=]", other)[0] in keys else f"{group}.{other}" for other in others]
    return " ".join([first, *named]) if named else None


def _unknown_key(error: OmegaConfBaseException, overrides: Sequence[str]) -> UserError:
    full_key = error.full_key or str(error.key)
    typed = _typed(full_key, overrides)
    key, (prefix, _, name) = _key_of(typed), full_key.rpartition(".")
    siblings = [str(sibling) for sibling in error.parent_node if prefix or sibling != "hydra"]
    if prefix and error.object_type_str == "dict":  # an open mapping, or a `_target_` whose class is not yet imported
        return UserError(f"{typed}: {full_key} is not in the config yet; add it with a plus: +{full_key}=...")
    if prefix:
        hint = closest(name, siblings, f"{prefix}.") if siblings else "; it has no keys; leave it out."
        return UserError(f"{typed}: no such key in {error.object_type_str}{hint}")
    keys = _keys(error.parent_node)
    close = difflib.get_close_matches(key, keys, n=1)
    # `width=4` most likely belongs to a part: strategy.width
    close = close or [known for known in keys if known.rpartition(".")[2] == key]
    return UserError(f"{typed}: no such key{f'; did you mean {close[0]}?' if close else closest(key, siblings)}")


def _impossible_value(error: OmegaConfBaseException, overrides: Sequence[str]) -> UserError:
    typed = _typed(error.full_key or str(error.key), overrides, error.value)
    if "is not a ListConfig" in str(error):
        return UserError(f"{typed}: must be a list; use e.g. '{_key_of(typed)}=[a, b]'.")
    if "Cannot assign" in str(error) and "to Dict" in str(error):
        return UserError(f"{typed}: must be a mapping; use e.g. '{_key_of(typed)}={{a: 1}}'.")
    node = error.child_node
    if isinstance(node, EnumNode):
        names = [str(member.value) for member in node.enum_type]
        return UserError(f"{typed}: not one of {', '.join(names)}{closest(str(error.value), names)}")
    rule = _rule(node)
    if rule is None:
        return UserError(f"{typed}: {_one_line(str(error))}")
    current = node._value() if node is not None else None
    current = EXAMPLES.get(_key_of(typed)) if current is None else current
    example = f"; use e.g. {_key_of(typed)}={current}." if current is not None else "."
    return UserError(f"{typed}: must be {rule}{example}")


def _rule(node: Node | None) -> str | None:
    rules = {IntegerNode: "a whole number", FloatNode: "a number", BooleanNode: "true or false"}
    rule = next((text for kind, text in rules.items() if isinstance(node, kind)), None)
    return f"{rule} or null" if rule and node is not None and node._is_optional() else rule


def _several_values(message: str) -> UserError | None:
    match = re.search(r"(?:Ambiguous value for argument|Sweep parameters) '(.*?)'(?:$|\n| requires)", message)
    if match is None:
        return None
    key, _, value = match[1].partition("=")
    if joined := _joined_overrides(match[1]):
        return UserError(f"{match[1]}: a comma separates values; separate overrides by spaces: {joined}")
    calls = re.match(r"\w+\(", value)  # range(1,3), choice(a,b), glob(*)
    if not calls and (key.rpartition(".")[2] in _TEXT_KEYS or not re.fullmatch(r"[\w\s+.,-]*", value)):
        return UserError(f"{match[1]}: a comma separates values; {_QUOTE}: {quoted_override(key, value)}")
    return UserError(
        f"{match[1]}: several values make several jobs; add -m to run them all: -m {shlex.quote(match[1])}"
    )


def _typed(key: str, overrides: Sequence[str], value: object = None) -> str:
    """Return what the user typed for a key, or the key (and value) where a YAML file sets it.

    Of several overrides of a key it is the one with the value, or the last, which counts in Hydra. A part of a mapping
    is typed with the mapping.
    """
    names = [(_key_of(override), override) for override in reversed(overrides)]
    text = str(value)
    rules: list[Callable[[str, str], bool]] = [
        lambda name, override: name == key and override.partition("=")[2].strip(" '\"") == text,
        lambda name, _: name == key,
        lambda name, override: key.startswith(f"{name}.") and override.partition("=")[2].startswith("{"),
        lambda name, _: name.startswith(f"{key}."),
    ]
    found = (override for fits in rules for name, override in names if fits(name, override))
    return next(found, key if value is None else f"{key}={value}")


def _no_option(overrides: Sequence[str]) -> str | None:
    """Return the override of a group whose value is no name, e.g. `strategy=3`."""
    given = [(override.partition("=")[2], override) for override in overrides if "." not in _key_of(override)]
    return next((typed for value, typed in given if not re.match(r"(?!(?:null|true|false)$)[A-Za-z_]", value)), None)


def _key_of(override: str) -> str:
    return override.partition("=")[0].strip().lstrip("+~").partition("@")[0]


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Return every dotted key of a config, inner nodes included, without Hydra's own."""
    keys: list[str] = []
    for key, value in config.items_ex(resolve=False):
        if key == "hydra" and not prefix:
            continue
        keys.append(f"{prefix}{key!s}")
        if OmegaConf.is_dict(value) and not value._is_none() and not value._is_missing():
            keys.extend(_keys(value, f"{prefix}{key!s}."))
    return keys


def _one_line(message: str) -> str:
    """Remove what Hydra adds for developers: search paths, links, type names."""
    message = re.split(r"\n\s*(?:Config search path|Search path|full_key|object_type|reference_type):?", message)[0]
    message = re.sub(r"See https://\S+( for details)?", "", message)
    return " ".join(message.split())[:400]
