"""Folders of images: what counts as one, what is left out, and how images of all kinds become alike."""

import sys

import numpy as np
import pytest

from osetra.core.errors import DataError, MissingExtra
from osetra.core.records import Task
from osetra.data.image_folders import scan
from osetra.data.images import resized
from osetra.data.sources import read_table
from osetra.data.tables import dataset

PIL = pytest.importorskip("PIL", reason="folders of images need Pillow, an extra")
from PIL import Image  # noqa: E402


def picture(size=(6, 5), mode="L", seed=0):
    """An image of noise; `size` is height, width."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(seed).integers(0, 256, (*size, bands), dtype=np.uint8)
    return Image.fromarray(values[..., 0] if bands == 1 else values)


def put(root, name, image=None, **options):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture() if image is None else image).save(path, **options)
    return path


@pytest.fixture
def zoo(tmp_path):
    """Two classes, six images each, of different endings."""
    for k in range(6):
        put(tmp_path, f"zoo/cat/{k}.png", picture(seed=k))
        put(tmp_path, f"zoo/dog/{k}.{'BMP' if k % 2 else 'bmp'}", picture(seed=10 + k))
    return tmp_path / "zoo"


def pixels(image):
    return np.asarray(image).reshape(image.height, image.width, -1)


def test_folders_are_classes_and_files_come_by_name(zoo):
    table = read_table(zoo)
    assert table.images.files == tuple([f"cat/{k}.png" for k in range(6)] + [f"dog/{k}.{'BMP' if k % 2 else 'bmp'}" for k in range(6)])
    assert table.frame["class"].tolist() == ["cat"] * 6 + ["dog"] * 6
    np.testing.assert_array_equal(table.images.pixels, [pixels(picture(seed=k)) for k in (*range(6), *range(10, 16))])
    assert (table.source, table.notes, table.given) == (f"{zoo}/", (), None)
    assert not table.images.of_any_size
    assert dataset(table, target="class").notes[0] == "12 images of 6 x 5 pixels, 2 classes"


def test_folders_called_as_numbers_are_classes_too(tmp_path):
    for k in range(12):
        put(tmp_path, f"{2000 + k % 6}/{k}.png", picture(seed=k))
    data = dataset(read_table(tmp_path), target="class")
    assert data.task is Task.MULTICLASS
    assert set(data.target["class"]) == {str(2000 + k) for k in range(6)}


def test_files_in_no_folder_have_no_class(tmp_path):
    put(tmp_path, "b.png", picture(seed=1))
    put(tmp_path, "a.jpeg", picture(seed=2))
    (tmp_path / "empty").mkdir()
    table = read_table(tmp_path)
    assert table.images.files == ("a.jpeg", "b.png")
    assert table.frame.shape == (2, 0)
    assert table.notes == ()


def test_folders_of_parts_give_each_image_its_part(tmp_path):
    for part, count in (("Train", 4), ("val", 2), ("test", 1)):
        for k in range(count):
            put(tmp_path, f"{part}/cat/{k}.png", picture(seed=k))
            put(tmp_path, f"{part}/dog/{k}.png", picture(seed=k + 9))
    table = read_table(tmp_path)
    assert table.given.dtype == np.int8
    assert table.given.tolist() == [0] * 8 + [1] * 4 + [2] * 2
    assert table.images.files[-1] == "test/dog/0.png"
    assert table.notes == ("the folder comes in parts: 8 images in Train, 4 images in val, 2 images in test",)
    put(tmp_path, "plane/x.png")
    with pytest.raises(DataError, match=r"every class of .* must be a folder of images, got images in folders within 'Train'"):
        read_table(tmp_path)


def test_a_part_without_images_is_no_part(tmp_path):
    put(tmp_path, "train/cat/1.png")
    put(tmp_path, "train/dog/1.png")
    (tmp_path / "test").mkdir()
    table = read_table(tmp_path)
    assert table.given is None
    assert table.notes == ("the folder comes in parts: 2 images in train, 0 images in test",)


def test_parts_without_classes_are_refused(tmp_path):
    put(tmp_path, "train/1.png")
    put(tmp_path, "test/1.png")
    with pytest.raises(
        DataError, match=r"train must hold a folder of images for each class, as .* comes in parts, got images in no folder"
    ):
        read_table(tmp_path)


def test_hidden_files_are_passed_over_and_other_files_left_out_with_a_note(zoo):
    (zoo / ".DS_Store").write_bytes(b"x")
    (zoo / "cat" / "._1.png").write_bytes(b"x")
    (zoo / ".git").mkdir()
    put(zoo, ".git/1.png")
    (zoo / "README.txt").write_text("pictures")
    (zoo / "dog" / "labels.csv").write_text("a")
    (zoo / "horse").mkdir()
    table = read_table(zoo)
    assert len(table.images) == 12
    assert table.notes == (
        "horse: no image there, so no class",
        "2 files are no PNG, JPEG or BMP and were left out: README.txt, dog/labels.csv",
    )


def test_links_that_leave_the_folder_are_not_followed(zoo, tmp_path):
    outside = put(tmp_path, "elsewhere/secret/1.png")
    (zoo / "cat" / "link.png").symlink_to(outside)
    (zoo / "secret").symlink_to(outside.parent, target_is_directory=True)
    (zoo / "dog" / "gone.png").symlink_to(zoo / "nothing.png")
    (zoo / "dog" / "round.png").symlink_to(zoo / "dog" / "round.png")
    (zoo / "dog" / "within.png").symlink_to(zoo / "cat" / "1.png")
    table = read_table(zoo)
    assert len(table.images) == 13
    assert "dog/within.png" in table.images.files
    assert table.notes == (
        "4 symbolic links leave the folder or lead nowhere and are not followed: secret, cat/link.png, dog/gone.png, ...",
    )


def test_a_folder_that_is_a_link_is_read(zoo, tmp_path):
    (tmp_path / "link").symlink_to(zoo, target_is_directory=True)
    assert len(read_table(tmp_path / "link").images) == 12


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: put(root, "loose.png"), r"or all be in no folder, got 12 in folders and 1 beside them, such as loose\.png; move"),
        (lambda root: put(root, "cat/old/1.png"), r"got images in folders within 'cat', such as cat/old/1\.png; move them up"),
        (lambda root: (root / "cat" / "1.png").write_bytes(b"no image"), r"cat/1\.png must be a whole PNG, JPEG or BMP image, got"),
        (lambda root: (root / "cat" / "1.png").write_bytes(b""), r"cat/1\.png must be a whole PNG"),
        (lambda root: put(root, "NA/1.png"), "a class must not be called as a missing value is, got the folder 'NA'"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_says_why(zoo, spoil, message):
    spoil(zoo)
    with pytest.raises(DataError, match=message):
        read_table(zoo)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_an_image_cut_short_is_named(zoo, ending, share):
    path = put(zoo, f"cat/whole.{ending}", picture((40, 40), "RGB"))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=rf"whole\.{ending} must be a whole PNG, JPEG or BMP image, .*; write it anew or take it out"):
        read_table(zoo)


def test_an_image_of_too_many_pixels_is_named(zoo, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    put(zoo, "cat/huge.png", picture((11, 12)))
    with pytest.raises(DataError, match=r"huge\.png must be a whole PNG.*decompression bomb"):
        read_table(zoo)


def test_folders_without_images_say_what_is_wanted(tmp_path):
    with pytest.raises(
        DataError, match=r"must hold images \(PNG, JPEG or BMP\) in folders, one a class, got the folder .*, which holds none"
    ):
        read_table(tmp_path)
    put(tmp_path, "cat/1.png")
    put(tmp_path, "cat/2.png")
    table = read_table(tmp_path)
    assert table.frame["class"].tolist() == ["cat", "cat"]


def test_a_single_image_says_that_a_folder_is_wanted(zoo):
    with pytest.raises(DataError, match=r"images must be a folder of them, .*, got the file .*1\.png; name the folder"):
        read_table(zoo / "cat" / "1.png")


def test_a_single_class_is_refused(tmp_path):
    for k in range(12):
        put(tmp_path, f"cat/{k}.png", picture(seed=k))
    with pytest.raises(DataError, match="'class' must have at least 2 classes, got only 'cat'"):
        dataset(read_table(tmp_path), target="class")


def test_images_of_several_sizes_become_the_median_size_with_a_note(tmp_path):
    sizes = [(4, 6), (5, 8), (9, 8)]
    for k, size in enumerate(sizes):
        put(tmp_path, f"{k}.png", picture(size, seed=k))
    table = read_table(tmp_path)
    assert table.images.shape == (5, 8, 1)
    assert table.images.of_any_size
    for k, size in enumerate(sizes):
        np.testing.assert_array_equal(table.images.pixels[k], resized(pixels(picture(size, seed=k))[np.newaxis], 5, 8)[0])
    assert table.notes == (
        "images of 3 sizes, from 4 x 6 to 9 x 8 pixels, were brought to 5 x 8 pixels by area averaging: the medians of height and width",
    )


def test_large_images_are_reduced_as_arrays_are(tmp_path):
    big = [picture((130, 100), "RGB", seed=k) for k in range(3)]
    for k, image in enumerate(big):
        put(tmp_path, f"{k}.png", image)
    table = read_table(tmp_path)
    assert table.images.shape == (64, 49, 3)
    np.testing.assert_array_equal(table.images.pixels, read_table(np.stack([pixels(image) for image in big])).images.pixels)
    assert not table.images.of_any_size
    assert table.notes[0].startswith("images of 130 x 100 pixels were reduced to 64 x 49 pixels in colour by area averaging")
    put(tmp_path, "3.png", picture((200, 100), "RGB"))
    assert "64 x 49 pixels in colour by area averaging: the medians of height and width, reduced to 64" in read_table(tmp_path).notes[0]


def test_grey_and_coloured_images_together_are_coloured_with_a_note(tmp_path):
    put(tmp_path, "0.png", picture(mode="L"))
    put(tmp_path, "1.png", picture(mode="RGB", seed=1))
    table = read_table(tmp_path)
    np.testing.assert_array_equal(table.images.pixels[0], np.repeat(pixels(picture(mode="L")), 3, axis=2))
    np.testing.assert_array_equal(table.images.pixels[1], pixels(picture(mode="RGB", seed=1)))
    assert table.notes == ("1 of 2 images are grey and were taken as colour, as the others are",)


def grey_palette():
    image = picture(mode="L").convert("P")
    image.putpalette([level for value in range(256) for level in (value, value, value)])
    return image


@pytest.mark.parametrize(
    ("image", "channels", "expected"),
    [
        (picture(mode="L"), 1, pixels(picture(mode="L"))),
        (picture(mode="L").point(lambda v: 255 * (v > 127), mode="1"), 1, 255 * (pixels(picture(mode="L")) > 127)),
        (grey_palette(), 1, pixels(picture(mode="L"))),
        (Image.fromarray(pixels(picture())[..., 0].astype(np.uint16) * 257), 1, pixels(picture())),
        (picture(mode="RGB").quantize(30), 3, pixels(picture(mode="RGB").quantize(30).convert("RGB"))),
        (Image.new("RGBA", (3, 2), (10, 20, 30, 0)), 3, np.full((2, 3, 3), 255)),
        (Image.new("RGBA", (3, 2), (10, 20, 30, 255)), 3, np.full((2, 3, 3), (10, 20, 30))),
        (Image.new("LA", (3, 2), (40, 0)), 1, np.full((2, 3, 1), 255)),
    ],
    ids=["grey", "black and white", "grey palette", "16 bits", "palette", "transparent", "opaque", "transparent grey"],
)  # fmt: skip
def test_every_kind_of_png_becomes_bytes(tmp_path, image, channels, expected):
    put(tmp_path, "1.png", image)
    images = read_table(tmp_path).images
    assert images.shape[2] == channels
    np.testing.assert_array_equal(images.pixels[0], expected)


def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise to be upright
    put(tmp_path, "plain/1.jpg", picture((16, 32)))
    put(tmp_path, "turned/1.jpg", picture((16, 32)), exif=exif)
    plain, turned = (read_table(tmp_path / name).images for name in ("plain", "turned"))
    assert turned.shape == (32, 16, 1)
    np.testing.assert_array_equal(turned.pixels[0, ..., 0], np.rot90(plain.pixels[0, ..., 0], -1))


def test_a_slip_in_what_a_camera_noted_is_no_warning(tmp_path):
    path = put(tmp_path, "1.jpg", picture((16, 32)), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12")
    with pytest.warns(UserWarning, match="Corrupt EXIF data"), Image.open(path) as image:
        image.getexif()
    assert read_table(tmp_path).images.shape == (16, 32, 1)


def test_without_pillow_a_folder_of_images_says_what_to_install(zoo, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r'need Pillow, which is not installed; pip install "osetra\[images\]"'):
        scan(zoo)
