"""`weed server -s3 …`: takes SeaweedFS's options, as far as the compose file uses them, and runs the tests' Swift."""

import json
import os
import sys
from pathlib import Path

from tests import swift

BACKENDS = [18080, 18081, 18082]


def options(arguments: list[str]) -> dict[str, str]:
    pairs = (one.lstrip("-").partition("=") for one in arguments if one.startswith("-"))
    return {name: value for name, _, value in pairs}


def main() -> None:
    asked = options(sys.argv[1:])
    (identity,) = json.loads(Path(asked["s3.config"]).read_text())["identities"]
    (keys,) = identity["credentials"]
    # Swift's keys are ACCOUNT:USER; a filter puts the account before those that clients use.
    swift.ACCESS_KEY, swift.SECRET_KEY = f"weed:{keys['accessKey']}", keys["secretKey"]
    swift.PAGE = 1000
    plain = swift._proxy

    def proxy(folder: Path, port: int, address: str) -> str:
        text = plain(folder, port, address)
        text = text.replace("pipeline = catch_errors", "pipeline = healthz catch_errors")
        text = text.replace(" s3api tempauth ", " s3api account tempauth ")
        filters = {"healthz": "healthz", "account": "account"}
        places = (f"[filter:{name}]\npaste.filter_factory = weed_filters:{one}\n" for name, one in filters.items())
        return text + "".join(places)

    swift._proxy = proxy
    reads, _ = os.pipe()  # Swift ends when its standard input does
    os.dup2(reads, 0)
    swift.main(Path(asked["dir"]), asked["s3.ip.bind"], [*BACKENDS, int(asked["s3.port"])])


if __name__ == "__main__":
    main()
