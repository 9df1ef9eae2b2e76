# Made by `python -m tests.clients.generated` from core/pictures/suffixes.py: change it there.
"""What files of pictures are called: which ones a batch takes, and how results are named. Content judges later."""

# Of every format that is read, in lower case.
OF_PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".heics", ".heifs", ".avif", ".avifs"),
)
# By output format: the first is added to names, the others are as good.
OF_RESULTS = {"jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "png": (".png",), "webp": (".webp",)}


def is_picture(name: str) -> bool:
    """Whether a file or key is called like a picture."""
    return name.lower().endswith(OF_PICTURES)
