"""The compose file under a real Docker Engine, on a machine without an image registry: `make test-containers`.

The engine and its tools are Debian's packages, unpacked beside the system. The images that the compose file names are
made of Debian's packages as well (stand_ins/). All of it runs in namespaces of its own, which take networks, rules,
mounts and processes along when they end.
"""
