"""The generated files are those of their sources, and the messages are on the wire what the Node.js samples send."""

import shutil
from pathlib import Path

import grpc
import pytest

from commands import command_line
from protos import generate
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub

NODE_RECIPE = (
    b"\x08\x2a"
    b"\x12\x14Chicken Tikka Masala"
    b"\x1a\x14Throw it in a pot..."
    b"\x22\x11\x08\x01\x12\x07Chicken\x1a\x041 lb"
    b"\x22\x11\x08\x02\x12\x05Sauce\x1a\x062 cups"
)
"""Recipe 42 as the Node.js sample encodes it: id, name, steps, ingredients as fields 1 to 4."""


def check() -> int:
    """Run the command with `--check`."""
    return command_line.run(generate.app, "python -m protos.generate", ["--check"])


def test_the_checked_in_files_are_up_to_date() -> None:
    assert generate.stale() == []
    assert check() == 0


def test_a_stale_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (*generate.STUBS, generate.GRAPHQL):
        shutil.copy(generate.PACKAGE / name, tmp_path)
    (tmp_path / "recipe_pb2.pyi").write_text("")
    (tmp_path / "recipe.graphql").unlink()
    assert generate.stale(tmp_path) == ["recipe_pb2.pyi", "recipe.graphql"]
    monkeypatch.setattr(generate, "stale", lambda: ["recipe_pb2.pyi", "recipe.graphql"])
    assert check() == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in said] == ["protos/recipe_pb2.pyi", "protos/recipe.graphql"]


def test_generating_repairs_a_stale_file(tmp_path: Path) -> None:
    (tmp_path / "recipe_pb2.py").write_text("stale")
    generate.generate(tmp_path)
    assert generate.stale(tmp_path) == []


def test_a_missing_plugin_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(generate, "PLUGINS", ("protoc-gen-nothing",))
    assert check() == 2
    assert "protoc-gen-nothing" in capsys.readouterr().err


def test_a_recipe_of_the_node_sample_is_read_and_written() -> None:
    recipe = messages.Recipe.FromString(NODE_RECIPE)
    assert (recipe.id, recipe.name, recipe.steps) == (42, "Chicken Tikka Masala", "Throw it in a pot...")
    lines = [(line.id, line.name, line.quantity) for line in recipe.ingredients]
    assert lines == [(1, "Chicken", "1 lb"), (2, "Sauce", "2 cups")]
    assert recipe.SerializeToString() == NODE_RECIPE


def test_other_messages_of_the_node_sample_are_read_and_written() -> None:
    assert messages.RecipeRequest(id=42).SerializeToString() == b"\x08\x2a"
    assert messages.Empty().SerializeToString() == b""
    assert messages.Meta.FromString(b"\x10\xd2\x09").pid == 1234


def test_the_methods_have_the_paths_of_the_node_sample() -> None:
    asked = []

    class Channel(grpc.Channel):
        """Notes the paths that the stub asks for."""

        def unary_unary(self, method: str, *given: object, **named: object) -> object:  # type: ignore[override]
            asked.append(method)
            return None

        def unary_stream(self, *given: object) -> None:  # type: ignore[override]
            raise NotImplementedError

        stream_unary = stream_stream = subscribe = unsubscribe = close = unary_stream  # type: ignore[assignment]
        __enter__ = __exit__ = unary_stream  # type: ignore[assignment]

    RecipeServiceStub(Channel())
    methods = ("GetRecipe", "GetMetaData", "ListRecipes", "CreateRecipe", "BatchGetRecipes")
    assert asked == [f"/recipe.RecipeService/{method}" for method in methods]
