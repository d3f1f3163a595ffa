"""Request files: what they say, and one clear line for those that cannot be used."""

from pathlib import Path

import pytest

from bench.request_file import BYTES_AT_MOST, BadRequestFile, read
from bench.workloads import QUESTIONS_AT_MOST
from tests.support.own_services import REQUESTS, contract

GET = '[grpc]\nmethod = "shop.Orders/Get"\n'


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_a_file_says_is_kept_as_it_stands(tmp_path: Path) -> None:
    found = read(written(tmp_path, REQUESTS))
    assert found.protocols == ["http", "graphql", "grpc"]
    assert found.used.file == "own.toml"
    assert found.used.requests["http"] == {"path": "/orders/{id}"}
    assert found.used.values == [{"id": 1}, {"id": 2}, {"id": 42}]
    own = found.of("grpc")
    assert own is not None
    assert own.request["message"] == {"id": "{id}"}
    assert own.values == found.used.values


def test_a_protocol_without_a_section_has_no_requests(tmp_path: Path) -> None:
    assert read(written(tmp_path, GET)).of("http") is None


def test_lists_of_values_go_side_by_side(tmp_path: Path) -> None:
    text = '[values]\nid = [1, 2]\nlang = ["en", "de"]\n[http]\npath = "/{lang}/{id}"\n'
    assert read(written(tmp_path, text)).used.values == [{"id": 1, "lang": "en"}, {"id": 2, "lang": "de"}]


def test_no_more_values_are_used_than_there_are_questions(tmp_path: Path) -> None:
    text = f'[values]\nid = {list(range(300))}\n[http]\npath = "/{{id}}"\n'
    assert len(read(written(tmp_path, text)).used.values) == QUESTIONS_AT_MOST


def test_the_digest_covers_the_file_and_the_descriptor_set(tmp_path: Path) -> None:
    found = contract()
    text = f'{GET}descriptor_set = "shop.binpb"\n'
    (tmp_path / "shop.binpb").write_bytes(found.SerializeToString())
    one = read(written(tmp_path, text)).used.digest
    assert read(written(tmp_path, f"# The same.\n{text}")).used.digest == one
    assert read(written(tmp_path, f"{text}message = {{ id = 1 }}\n")).used.digest != one
    found.file.add(name="more.proto")
    (tmp_path / "shop.binpb").write_bytes(found.SerializeToString())
    assert read(written(tmp_path, text)).used.digest != one


BAD = {
    "[http\n": "it is not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)",
    "a = \xe9".encode("latin-1"): "it is not TOML",
    "": "it requests nothing; add one or more of [http], [graphql], [grpc]",
    "[values]\nid = [1]\n": "it requests nothing",
    '[htpp]\npath = "/"\n': "[htpp] is not one of its sections, which are values, http, graphql, grpc",
    "[http]\n": "[http]: the section missing required field `path`",
    "[http]\npath = 3\n": "[http]: Expected `str`, got `int` - at `http.path`",
    '[http]\npath = "/"\nverb = "PUT"\n': "[http]: the section contains unknown field `verb`",
    'http = "/"\n': "[http]: Expected `object`, got `str`",
    '[http]\npath = "orders"\n': "[http] path: 'orders' does not begin with /",
    '[http]\npath = "http://h/orders"\n': "the address is the target's",
    '[http]\npath = "//h/orders"\n': "the address is the target's",
    '[http]\npath = "/a b"\n': "[http] path: '/a b' has a space or a control character; write %20 for a space",
    '[http]\npath = "/a\\r\\nX: y"\n': "has a space or a control character",
    '[http]\npath = "/"\nmethod = "FETCH"\n': "[http] method: 'FETCH' is not one of GET, POST",
    '[http]\npath = "/"\nbody = 3\n': "- at `http.body`",
    '[http]\npath = "/"\nbody = "x"\ncontent_type = "a\\nb"\n': "[http] content_type: 'a\\nb' is not a media type",
    '[http]\npath = "/{id}"\n': "[http] path: {id} has no values; add id to [values] (there are none)",
    '[values]\nid = [1]\n[graphql]\nquery = "{a}"\nvariables = { a = ["{x}"] }\n': (
        "[graphql] variables.a[0]: {x} has no values; add x to [values] (there are id)"
    ),
    '[values]\nid = 1\n[http]\npath = "/"\n': "[values]: Expected `array`, got `int` - at `values[...]`; write a list",
    '[values]\nid = [[1]]\n[http]\npath = "/"\n': "[values]: Expected `bool | int | float | str`, got `array`",
    '[values]\nid = []\n[http]\npath = "/"\n': "[values]: id is empty; give one value or more",
    '[values]\nid = [1]\nb = [1, 2]\n[http]\npath = "/"\n': (
        "[values]: lists go side by side, so they are equally long; id has 1, b has 2"
    ),
    '[values]\n"a b" = [1]\n[http]\npath = "/"\n': "[values]: 'a b' is not a name",
    '[grpc]\nmethod = "Get"\n': "[grpc] method: 'Get' is not package.Service/Method",
    '[grpc]\nmethod = "/shop.Orders/Get"\n': "is not package.Service/Method",
    f'{GET}descriptor_set = "missing"\n': "missing: No such file or directory",
    f'{GET}descriptor_set = "own.toml"\n': "own.toml is no descriptor set; write one with protoc",
    '[grpc]\nmethod = "shop.Orders/List"\ndescriptor_set = "shop.binpb"\n': (
        "[grpc] method: shop.Orders has no method List; it has Get, Tick, Watch"
    ),
    '[grpc]\nmethod = "shop.Carts/Get"\ndescriptor_set = "shop.binpb"\n': "method: there is no service shop.Carts",
    '[grpc]\nmethod = "shop.Orders/Watch"\ndescriptor_set = "shop.binpb"\n': "shop.Orders/Watch is a streaming method",
    f"# {'x' * BYTES_AT_MOST}\n": "has more than 4,000,000 bytes",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_file_that_cannot_be_used_is_named_with_the_place(text: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(contract().SerializeToString())
    path = written(tmp_path, text)
    with pytest.raises(BadRequestFile) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert BAD[text] in said
    assert "\n" not in said


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_what_is_no_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequestFile, match=r"No such file or directory|is a directory"):
        read(tmp_path / name)


def test_a_file_without_an_end_is_bounded() -> None:
    with pytest.raises(BadRequestFile, match="is a device"):
        read(Path("/dev/zero"))
