"""Reads config/mcp.yaml. It needs nothing but this package, so that a file can be tried before a server is started."""

from .schema import CONFIG
from .yaml_subset import YamlError, parse


class ConfigError(ValueError):
    """All that is wrong with the file, a line for each field."""

    def __init__(self, path, problems):
        self.path = path
        self.problems = problems
        lines = [f"{field}: {reason}" if field else reason for field, reason in problems]
        super().__init__("\n".join([f"{path} can't be used:"] + [f"  {line}" for line in lines]))


def load_config(path):
    """The settings as nested dictionaries, with defaults for what the file leaves out.

    Raises ConfigError if the file is not there, is not understood, or has other keys than the server knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(path, [("", "there is no such file; copy the release's template there")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, [("", str(error))]) from None
    try:
        value = parse(text)
    except YamlError as error:
        raise ConfigError(path, [("", str(error))]) from None
    config, wrong = CONFIG(value, "")
    if wrong:
        raise ConfigError(path, wrong)
    return config
