"""Explains Hydra's and OmegaConf's exceptions on one line: the value, the rule, the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

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

from ttc.errors import UserError

LISTED_KEYS = 12


def explain(error: Exception, overrides: Sequence[str]) -> UserError:
    """Turn an error in a config or on the command line into one line. `overrides` is what the user typed."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
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
        return UserError(f"{_typed(cause.full_key, overrides)}: {_one_line(str(cause))}; fix the value.")
    if nameless := [override for override in overrides if override.endswith("=null")]:
        return UserError(f"{nameless[0]}: {_one_line(str(error))}; choose one of the group's options.")
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
    close = difflib.get_close_matches(option, options, n=1)
    hint = f"did you mean {group}={close[0]}? The options are" if close else "the options are"
    return UserError(f"{group}={option}: no such {group}; {hint}: {', '.join(sorted(options))}.")


def _unparsable(error: OverrideParseException) -> UserError:
    if "=" not in error.override:
        return UserError(f"{error.override}: not of the form key=value; use e.g. budget=64.")
    reason = _one_line(error.message.replace(f"Error parsing override '{error.override}'", "")).rstrip(".")
    return UserError(f"{error.override}: cannot be read ({reason}); quote special characters: 'key=\"a, b\"'.")


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
    node = error.child_node
    if isinstance(node, EnumNode):
        names = [str(member.value) for member in node.enum_type]
        return UserError(f"{typed}: not one of {', '.join(names)}{closest(str(error.value), names)}")
    rule = _rule(node)
    if rule is None:
        return UserError(f"{typed}: {_one_line(str(error))}")
    current = node._value() if node is not None else None
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
    return UserError(f"{match[1]}: several values make several jobs; add -m to run them all: -m {match[1]}")


def _typed(key: str, overrides: Sequence[str], value: object = None) -> str:
    """Return what the user typed for a key, or the key (and value) where a YAML file sets it."""
    for override in overrides:
        name = _key_of(override)
        if name == key or name.startswith(f"{key}."):
            return override
    return key if value is None else f"{key}={value}"


def _key_of(override: str) -> str:
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


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
