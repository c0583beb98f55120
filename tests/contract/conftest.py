import pytest

from tests.contract.cases import CASES


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that can't be asked of a gateway aren't made, so that none is skipped."""
    names = metafunc.fixturenames
    if "trouble" in names:
        pairs = [(case, trouble) for case in CASES for trouble in case.troubles]
        ids = [f"{case.name}-{trouble.name}" for case, trouble in pairs]
        metafunc.parametrize(("case_class", "trouble"), pairs, ids=ids)
    elif "case_class" in names:
        metafunc.parametrize("case_class", CASES, ids=[case.name for case in CASES])
    elif "reporting_case" in names:
        cases = [case for case in CASES if case.reports]
        metafunc.parametrize("reporting_case", cases, ids=[case.name for case in cases])
