"""The examples of serving: a client that draws, and a server's configuration."""

import pathlib
import runpy

import pytest
from exported import photograph
from exported import served
from PIL import Image
from rest_server import RestServer

pytestmark = pytest.mark.slow  # many traces, or a server

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def test_the_client_draws_what_the_server_answers(tmp_path, capsys):
    pytest.importorskip("tenacity", reason="the extra `serving` is not installed")
    main = runpy.run_path(str(EXAMPLES / "serve_client.py"))["main"]
    photograph().save(tmp_path / "photo.jpg")
    with RestServer([served()]) as server:
        url = f"{server.address}/v1/models/tiny"
        main(url, tmp_path / "photo.jpg", tmp_path / "served.png")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1] == f"See {tmp_path}/served.png"
    assert Image.open(tmp_path / "served.png").width > 100


def test_the_configuration_is_the_servers():
    text_format = pytest.importorskip("google.protobuf.text_format")
    configs = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2",
        reason="tensorflow-serving-api is not installed",
    )
    text = (EXAMPLES / "serving" / "model.config").read_text()
    # With the lines that are there to be uncommented.
    text = text.replace("    # ", "    ")
    config = text_format.Parse(text, configs.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("shapes", "/models/shapes")
    assert list(model.model_version_policy.specific.versions) == [1, 2]
    assert dict(model.version_labels) == {"stable": 1}
