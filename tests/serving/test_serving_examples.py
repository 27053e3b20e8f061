"""The examples of serving: a client that draws, and a server's configuration."""

import pathlib
import re
import runpy

import pytest
from exported import photograph
from exported import served
from PIL import Image
from rest_server import RestServer

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
# Of `model_servers/main.cc` in TensorFlow Serving 2.20.
FLAGS = set(
    """
    port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
    rest_api_enable_cors_support enable_batching batching_parameters_file
    allow_version_labels_for_unavailable_models enable_per_model_batching_parameters
    model_config_file model_config_file_poll_wait_seconds model_name model_base_path
    num_load_threads num_unload_threads max_num_load_retries load_retry_interval_micros
    file_system_poll_wait_seconds flush_filesystem_caches ssl_config_file
    tensorflow_session_parallelism tensorflow_session_config_file
    tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism platform_config_file
    per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments
    grpc_max_threads enable_model_warmup num_request_iterations_for_warmup version
    monitoring_config_file enable_signature_method_name_check
    """.split()
)
TEXTS = [
    *(EXAMPLES / "serving").iterdir(),
    *(ROOT / name for name in ("README.md", "saved_models/README.md")),
    ROOT / "docs" / "notebooks" / "05_serve_with_tf_serving.md",
    ROOT / "keras_explainer" / "commands" / "export.py",
]


@pytest.mark.slow  # a server
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


def test_the_client_says_what_is_wrong_in_a_sentence(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tenacity", reason="the extra `serving` is not installed")
    monkeypatch.setattr("keras_explainer.serving.client._FIRST_WAIT", 0.001)
    photograph().save(tmp_path / "photo.jpg")
    url = "http://127.0.0.1:1/v1/models/tiny"
    for arguments, message in [
        ([url, str(tmp_path / "photo.jpg")], f"No server answers at {url}"),
        (["localhost", str(tmp_path / "photo.jpg")], "Argument `url` should be http"),
        ([url, str(tmp_path / "gone.jpg")], "[Errno 2] No such file or directory"),
    ]:
        monkeypatch.setattr("sys.argv", ["serve_client.py", *arguments])
        with pytest.raises(SystemExit) as raised:
            runpy.run_path(str(EXAMPLES / "serve_client.py"), run_name="__main__")
        assert raised.value.code == 1
        assert capsys.readouterr().err.startswith(f"error: {message}")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_server_has_every_argument_that_we_name(path):
    text = path.read_text()
    # Those of our own commands have hyphens.
    named = set(re.findall(r"--([a-z]+(?:_[a-z]+)+)\b", text))
    for arguments in re.findall(r"tensorflow_model_server((?: --\S+)+)", text):
        named |= set(re.findall(r"--(\w+)", arguments))
    named -= {"direct_num_workers", "direct_running_mode", "flink_master"}  # Beam's.
    assert named <= FLAGS


def test_the_composed_server_starts_with_the_lines_that_are_commented_out():
    config = (EXAMPLES / "serving" / "model.config").read_text()
    assert "# version_labels {" in config
    compose = (EXAMPLES / "serving" / "docker-compose.yml").read_text()
    arguments = re.findall(r"^      - --(\w+)=?(\S*)$", compose, re.MULTILINE)
    arguments = dict(arguments)
    assert arguments["model_config_file"] == "/etc/model.config"
    assert arguments["allow_version_labels_for_unavailable_models"] == ""
    # By default 4 threads for each core.
    assert int(arguments["grpc_max_threads"]) >= 64
    assert {"enable_batching", "enable_per_model_batching_parameters"} <= set(arguments)
    # What the configuration and the compose file tell to read is there.
    assert "## Memory" in (EXAMPLES / "serving" / "README.md").read_text()


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
