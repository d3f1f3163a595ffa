"""Every flag of `python -m consumers` that has no effect beside others."""

from commands.without_effect import CommandLine, WithoutEffect, beside, without
from consumers.target import BadTarget, parse_target


def _plain_target(line: CommandLine) -> bool:
    try:
        return not parse_target(line["--target"]).tls
    except BadTarget:
        return False  # it is refused elsewhere


OF_CERTIFICATES = (
    WithoutEffect(["--key"], "without --cert; add it, or leave --key out", without("--cert")),
    WithoutEffect(["--ca"], "beside --insecure, which trusts every certificate; leave one out", beside("--insecure")),
)
"""The same for every program that has these flags."""
WITHOUT_EFFECT = (
    WithoutEffect(
        ["--ca", "--cert", "--key", "--insecure", "--tls-min"],
        "without TLS; use a --target with https:// or grpcs://, or leave it out",
        _plain_target,
    ),
    *OF_CERTIFICATES,
)
