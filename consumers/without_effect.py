"""Every flag of `python -m consumers` that has no effect beside others."""

from commands.without_effect import CommandLine, WithoutEffect
from consumers.target import BadTarget, parse_target


def _plain_target(line: CommandLine) -> bool:
    try:
        return not parse_target(line["--target"]).tls
    except BadTarget:
        return False  # it is refused elsewhere


WITHOUT_EFFECT = (
    WithoutEffect(["--ca"], "without TLS; use a --target with https:// or grpcs://, or leave it out", _plain_target),
)
