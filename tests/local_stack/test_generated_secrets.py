from include.local_stack.generated_secrets import GeneratedSecrets


def test_they_stay_the_same_and_only_the_owner_can_read_them(tmp_path):
    path = tmp_path / "secrets.json"
    secrets = GeneratedSecrets.load_or_generate(path)
    assert GeneratedSecrets.load_or_generate(path) == secrets
    assert path.stat().st_mode & 0o777 == 0o600
    assert secrets != GeneratedSecrets.generate()
    assert secrets.redis_password not in repr(secrets)
