"""`python -m protos.generate [--check]`: what stands in this directory and has a source elsewhere.

    recipe_pb2.py, recipe_pb2_grpc.py and their .pyi    from recipe.proto
    recipe.graphql                                      from the schema that the GraphQL producer serves

`--check` writes nothing and names each file that differs from what its source gives.
"""

import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

PACKAGE = Path(__file__).parent
STUBS = ("recipe_pb2.py", "recipe_pb2.pyi", "recipe_pb2_grpc.py", "recipe_pb2_grpc.pyi")
GRAPHQL = "recipe.graphql"
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


class GenerationFailed(Exception):
    """A source could not be turned into its files. The text names the source."""


def generate(directory: Path) -> None:
    """Write every generated file into `directory`. Raises GenerationFailed."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_stubs(directory)
    # Looked up by name, and only here: the contracts do not depend on a producer, only making one of them does.
    schema = import_module("producers.graphql_schema").printed_schema()
    (directory / GRAPHQL).write_text(schema.rstrip("\n") + "\n", encoding="utf-8")


def stale(directory: Path = PACKAGE) -> list[str]:
    """The generated files in `directory` that are missing or differ from what their sources give.

    Raises GenerationFailed.
    """
    with tempfile.TemporaryDirectory() as aside:
        fresh = Path(aside)
        generate(fresh)
        return [name for name in (*STUBS, GRAPHQL) if _content(directory / name) != _content(fresh / name)]


def _write_stubs(directory: Path) -> None:
    # Needed by nothing that runs later, and large: imported only for generating.
    from grpc_tools import protoc  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as aside:
        # The path below the repository's root becomes the package of the stubs, and so of their imports of each other.
        arguments = [f"--proto_path={PACKAGE.parent}", f"--proto_path={_well_known_types()}"]
        arguments += [f"--plugin={plugin}={_beside_python(plugin)}" for plugin in PLUGINS]
        arguments += [f"--{kind}_out={aside}" for kind in ("python", "grpc_python")]
        arguments += [f"--{kind}_out=quiet:{aside}" for kind in ("mypy", "mypy_grpc")]
        if protoc.main(["protoc", *arguments, f"{PACKAGE.name}/recipe.proto"]):
            raise GenerationFailed(f"{PACKAGE.name}/recipe.proto: protoc refused it; what it said stands above")
        for name in STUBS:
            shutil.copyfile(Path(aside, PACKAGE.name, name), directory / name)


def _well_known_types() -> Path:
    """Where grpcio-tools keeps the `google/protobuf/*.proto` that recipe.proto imports."""
    return Path(str(import_module("grpc_tools").__file__)).parent / "_proto"


def _beside_python(plugin: str) -> str:
    """The path of a protoc plugin: in the environment that runs, whether or not that is on the PATH."""
    path = shutil.which(plugin, path=str(Path(sys.executable).parent)) or shutil.which(plugin)
    if path is None:
        raise GenerationFailed(f"{plugin} is not installed; `make setup` installs it")
    return path


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def main(arguments: list[str]) -> int:
    """Generate, or with `--check` compare. Returns the exit code: 1 for stale files, 2 for bad usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m protos.generate [--check]", file=sys.stderr)
        return 2
    try:
        if not arguments:
            generate(PACKAGE)
            return 0
        names = stale()
    except GenerationFailed as error:
        print(f"protos.generate: {error}", file=sys.stderr)
        return 2
    for name in names:
        print(f"{PACKAGE.name}/{name} differs from what its source gives; `make protos` writes it", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
