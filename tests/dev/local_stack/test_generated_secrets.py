import json

from dev.local_stack.generated_secrets import GeneratedSecrets


def test_they_stay_the_same_and_only_the_owner_can_read_them(tmp_path):
    path = tmp_path / "secrets.json"
    secrets = GeneratedSecrets.load_or_generate(path)
    assert GeneratedSecrets.load_or_generate(path) == secrets
    assert path.stat().st_mode & 0o777 == 0o600
    assert secrets != GeneratedSecrets.generate()
    assert secrets.redis_password not in repr(secrets)


def test_a_file_of_an_older_version_keeps_its_secrets_and_gets_the_new_ones(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"redis_password": "old"}))
    secrets = GeneratedSecrets.load_or_generate(path)
    assert secrets.redis_password == "old"
    assert json.loads(path.read_text())["postgres_password"] == secrets.postgres_password
