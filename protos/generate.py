"""`python -m protos.generate [--check]`: the generated files of this directory.

    recipe_pb2.py, recipe_pb2_grpc.py and their .pyi    from recipe.proto
    recipe.graphql                                      from the schema that the GraphQL producer serves

`--check` writes nothing and names each file that differs from what its source generates.
"""

import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from commands import command_line
from commands.errors import CommandError, ExitCode

PACKAGE = Path(__file__).parent
STUBS = ("recipe_pb2.py", "recipe_pb2.pyi", "recipe_pb2_grpc.py", "recipe_pb2_grpc.pyi")
GRAPHQL = "recipe.graphql"
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")

app = command_line.application("Generate the stubs and recipe.graphql from their sources.")


class GenerationFailed(Exception):
    """A source file is invalid or a tool is missing. The text names it."""


def generate(directory: Path) -> None:
    """Write every generated file into `directory`. Raises GenerationFailed."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_stubs(directory)
    # Imported by name and only here: the contracts do not depend on a producer, only generating one of them does.
    schema = import_module("producers.graphql_schema").printed_schema()
    (directory / GRAPHQL).write_text(schema.rstrip("\n") + "\n", encoding="utf-8")


def stale(directory: Path = PACKAGE) -> list[str]:
    """The generated files in `directory` that are missing or differ from what their sources generate.

    Raises GenerationFailed.
    """
    with tempfile.TemporaryDirectory() as aside:
        fresh = Path(aside)
        generate(fresh)
        return [name for name in (*STUBS, GRAPHQL) if _content(directory / name) != _content(fresh / name)]


def _write_stubs(directory: Path) -> None:
    # Large, and used for nothing else.
    from grpc_tools import protoc  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as aside:
        # The path below the repository's root becomes the package of the stubs, and so of their imports of each other.
        arguments = [f"--proto_path={PACKAGE.parent}", f"--proto_path={_well_known_types()}"]
        arguments += [f"--plugin={plugin}={_beside_python(plugin)}" for plugin in PLUGINS]
        arguments += [f"--{kind}_out={aside}" for kind in ("python", "grpc_python")]
        arguments += [f"--{kind}_out=quiet:{aside}" for kind in ("mypy", "mypy_grpc")]
        if protoc.main(["protoc", *arguments, f"{PACKAGE.name}/recipe.proto"]):
            raise GenerationFailed(f"{PACKAGE.name}/recipe.proto: protoc failed; its messages are above")
        for name in STUBS:
            shutil.copyfile(Path(aside, PACKAGE.name, name), directory / name)


def _well_known_types() -> Path:
    """Where grpcio-tools keeps the `google/protobuf/*.proto` that recipe.proto imports."""
    return Path(str(import_module("grpc_tools").__file__)).parent / "_proto"


def _beside_python(plugin: str) -> str:
    """The path of a protoc plugin: beside the running Python, or on the PATH."""
    path = shutil.which(plugin, path=str(Path(sys.executable).parent)) or shutil.which(plugin)
    if path is None:
        raise GenerationFailed(f"{plugin} is not installed; run `make setup`")
    return path


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


@app.command()
def command(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a generated file is stale.")] = False,
) -> int:
    """Generate the stubs and recipe.graphql from their sources."""
    try:
        if not check:
            generate(PACKAGE)
            return ExitCode.FINE
        names = stale()
    except GenerationFailed as error:
        raise CommandError(str(error)) from None
    for name in names:
        print(f"{PACKAGE.name}/{name} differs from what its source generates; run `make protos`", file=sys.stderr)
    return ExitCode.REGRESSION if names else ExitCode.FINE


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, "python -m protos.generate")


if __name__ == "__main__":
    sys.exit(main())
