"""The programs of the demo mind their own business."""

from __future__ import annotations

import http.client
import os
import subprocess
from contextlib import closing
from pathlib import Path

from ecom_platform.local.demo_programs import DASHBOARD, companions
from ecom_platform.local.instance import Instance
from ecom_platform.local.server import accepts
from ecom_platform.settings import Settings
from ecom_platform_tests.programs import free_ports, until

SOMEBODY_ELSES = """
[server]
baseUrlPath = "another/app"
enableXsrfProtection = false
"""


def test_the_dashboard_takes_no_settings_of_other_dashboards(tmp_path: Path) -> None:
    """With another program's path in ~/.streamlit, it was not found where the demo looks and what the demo prints."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(SOMEBODY_ELSES)
    (port,) = free_ports(1)
    settings = Settings(_env_file=None, home=tmp_path / "home", dashboard_port=port)
    instance = Instance.of(settings)
    instance.create()
    (program,) = (one for one in companions(settings, instance) if one.name == DASHBOARD)

    environment = {**os.environ, "HOME": str(tmp_path), **program.environment}
    with subprocess.Popen(program.argv, cwd=program.folder, env=environment) as dashboard:
        try:
            until("the start", lambda: accepts("127.0.0.1", port))
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as asked:
                asked.request("GET", "/_stcore/health")
                answer = asked.getresponse().status
        finally:
            dashboard.terminate()

    assert answer == 200
