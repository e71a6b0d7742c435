from candle_ingest.cli.doctor_command import _say_conclusion, _say_where
from candle_ingest.doctor.finding import Finding, Verdict


def finding(verdict: Verdict) -> Finding:
    return Finding("kraken", "order", expected="ascending", seen="ascending", verdict=verdict)


def test_facts_that_could_not_be_observed_are_counted_apart(capsys):
    found = [finding(Verdict.AS_EXPECTED), finding(Verdict.AS_EXPECTED), finding(Verdict.NOT_SEEN)]
    _say_conclusion(found, simulated=False)
    assert capsys.readouterr().out == "2 facts are as expected, and 1 could not be observed.\n"


def test_the_last_line_says_that_only_a_simulator_was_checked(capsys):
    _say_conclusion([finding(Verdict.AS_EXPECTED)], simulated=True)
    assert capsys.readouterr().out.endswith("\nOnly the simulator was checked.\n")


def test_requests_to_another_address_are_reported_without_the_urls_secrets(capsys):
    _say_where({"kraken": "http://user:hidden@127.0.0.1:8090/kraken"})
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "kraken: requests go to 127.0.0.1, not to the exchange's own address\n")
