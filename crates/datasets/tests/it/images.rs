use std::fs;
use std::io::Write;
use std::path::Path;

use kiln_datasets::{
    DataPath, ImagePart, LabelledImages, ReadError, Route, mnist, mnist_5k, optdigits, read_idx_images,
    read_idx_labels, read_mnist_csv, usps,
};
use kiln_tests::data_with;
use proptest::prelude::*;

use super::{class_counts, missing, sha256};

fn idx(shape: &[u32], contents: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(contents);
    file
}

fn write_gzip(file: &Path, bytes: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    fs::write(file, gzip.finish().unwrap()).unwrap();
}

#[test]
fn idx_is_read() {
    let file = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(read_idx_images("a", file.as_slice()).unwrap(), (1, 3, vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(read_idx_labels("a", idx(&[3], &[7, 0, 255]).as_slice()).unwrap(), [7, 0, 255]);
    assert!(read_idx_labels("a", idx(&[0], &[]).as_slice()).unwrap().is_empty());
}

#[test]
fn idx_that_is_malformed_names_the_file_and_the_fault() {
    let images = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    for length in 0..images.len() {
        let error = read_idx_images("digits.gz", &images[..length]).unwrap_err().to_string();
        assert!(error.starts_with("digits.gz: "), "{length} bytes: {error}");
    }
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[1]);
    for (file, words) in [
        ([images.as_slice(), &[0]].concat(), "7 bytes after the header"),
        (idx(&[2, 3], &[0; 6]), "in 3 dimensions"),
        (idx(&[1, 0, 3], &[]), "0 x 3 pixels"),
        (huge, "1 bytes after the header"),
        ([&[0, 0, 9], &images[3..]].concat(), "not an IDX file"),
    ] {
        let error = read_idx_images("a", file.as_slice()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn mnist_csv_that_is_malformed_names_the_line() {
    let row = vec!["0"; 784].join(",");
    let (pixels, labels) = read_mnist_csv("a", format!("{row},3\n{row},9\n").as_bytes()).unwrap();
    assert_eq!((pixels.len(), labels), (2 * 784, vec![3, 9]));
    for (second, words) in [
        (row.clone(), "line 2: 784 fields"),
        (format!("{row},3,1"), "line 2: 786 fields"),
        (format!("{row},256"), "line 2: \"256\""),
        (format!("{row},"), "line 2: \"\""),
        (String::new(), "line 2: \"\""),
    ] {
        let error = read_mnist_csv("a", format!("{row},3\n{second}\n").as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(read_mnist_csv("a", &b"\xff"[..]), Err(ReadError::Io { .. })));
}

#[test]
fn labels_and_pictures_must_be_as_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = DataPath::of_folders(vec![(Route::Explicit, folder.path().into())]);
    let images = folder.path().join("digits/mnist-t10k-images.idx3-ubyte.gz");
    let labels = folder.path().join("digits/mnist-t10k-labels.idx1-ubyte.gz");
    missing(mnist(&path, ImagePart::Test));
    write_gzip(&images, &idx(&[2, 28, 28], &[9; 2 * 784]));
    write_gzip(&labels, &idx(&[3], &[1, 2, 3]));
    let error = mnist(&path, ImagePart::Test).unwrap_err().to_string();
    assert!(error.contains("3 labels for 2 pictures"), "{error}");
    write_gzip(&labels, &idx(&[2], &[1, 2]));
    let read = mnist(&path, ImagePart::Test).unwrap();
    assert_eq!((read.labels.as_slice(), read.image(1)), (&[1, 2][..], &[9; 784][..]));
    let rows: Vec<_> = read.sources.iter().map(|used| (used.rows, used.route.as_str())).collect();
    assert_eq!(rows, [(2, "given folder"), (2, "given folder")]);
    write_gzip(&images, &idx(&[2, 14, 56], &[9; 2 * 784]));
    let error = mnist(&path, ImagePart::Test).unwrap_err().to_string();
    assert!(error.contains("14 x 56 pixels, not 28 x 28"), "{error}");
    write_gzip(&images, &idx(&[2, 28, 28], &[9; 2 * 784]));
    write_gzip(&labels, &idx(&[2], &[1, 10]));
    let error = mnist(&path, ImagePart::Test).unwrap_err().to_string();
    assert!(error.contains("label 10 is no digit"), "{error}");
}

#[test]
fn optdigits_go_to_16() {
    let folder = tempfile::tempdir().unwrap();
    let path = DataPath::of_folders(vec![(Route::Explicit, folder.path().into())]);
    let images = folder.path().join("digits/optdigits-images-8x8-0to16.idx3-ubyte.gz");
    write_gzip(&images, &idx(&[1, 8, 8], &[17; 64]));
    let error = optdigits(&path).unwrap_err().to_string();
    assert!(error.contains("a pixel of 17, of 0 to 16 expected"), "{error}");
}

#[test]
fn the_first_of_each_class_come_class_by_class() {
    let images = LabelledImages {
        width: 1,
        height: 1,
        pixels: vec![10, 20, 30, 40, 50],
        labels: vec![2, 0, 2, 2, 1],
        sources: Vec::new(),
    };
    let chosen = images.first_of_each_class(2);
    assert_eq!((chosen.pixels, chosen.labels), (vec![20, 50, 10, 30], vec![0, 1, 2, 2]));
    assert!(images.select(&[]).is_empty());
}

#[test]
fn mnist_5k_asks_for_the_small_file() {
    let error = missing(mnist_5k(&DataPath::of_folders(vec![])));
    assert!(error.to_string().contains("`cargo xtask data get digits/mnist-5k`"), "{error}");
}

#[test]
fn real_mnist_has_the_known_digits() {
    let Some(folder) = data_with("digits/mnist-t10k-labels.idx1-ubyte.gz") else { return };
    let path = DataPath::of_folders(vec![(Route::Shared, folder)]);
    let test = mnist(&path, ImagePart::Test).unwrap();
    assert_eq!((test.len(), &test.labels[..5]), (10_000, &[7, 2, 1, 0, 4][..]));
    assert_eq!(class_counts(&test.labels), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    let train = mnist(&path, ImagePart::Train).unwrap();
    assert_eq!(class_counts(&train.labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    // SHA-256 of the published train-images-idx3-ubyte.
    let published = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db";
    assert_eq!(sha256(&idx(&[60_000, 28, 28], &train.pixels)), published);
    let small = mnist_5k(&path).unwrap();
    assert_eq!((small.len(), small.labels[499], small.labels[500]), (5_000, 0, 1));
    // The sums of pixels of the package's file, which these rows must equal.
    let sum = |i: usize| small.image(i).iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
    assert_eq!([sum(0), sum(4_999)], [31_095, 33_540]);
}

#[test]
fn embedded_optdigits_have_the_known_digits() {
    let digits = optdigits(&DataPath::of_folders(vec![])).unwrap();
    // Classes as UCI gives them for the test part.
    assert_eq!(class_counts(&digits.labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert_eq!((digits.len(), digits.pixels.iter().max()), (1_797, Some(&16)));
    assert_eq!(digits.image(0)[..16], [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
    let used: Vec<_> = digits.sources.iter().map(|used| (used.rows, used.route.as_str())).collect();
    assert_eq!(used, [(1_797, "embedded"), (1_797, "embedded")]);
}

#[test]
fn real_usps_has_the_known_digits() {
    let missing = missing(usps(&DataPath::of_folders(vec![]), ImagePart::Train));
    assert!(missing.hint.contains("usps.bz2"));
    let Some(folder) = data_with("digits/usps-train-labels.idx1-ubyte.gz") else { return };
    let path = DataPath::of_folders(vec![(Route::Shared, folder)]);
    for (part, counts) in [
        (ImagePart::Train, [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]),
        (ImagePart::Test, [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]),
    ] {
        let digits = usps(&path, part).unwrap();
        assert_eq!((class_counts(&digits.labels), digits.width, digits.height), (counts, 16, 16));
        let (low, high) = (digits.pixels.iter().min(), digits.pixels.iter().max());
        assert_eq!((low, high), (Some(&0), Some(&255)));
    }
}

proptest! {
    #[test]
    fn idx_readers_never_panic(mut header in proptest::collection::vec(any::<u8>(), 0..24), magic: bool) {
        if magic && header.len() > 3 {
            header[..4].copy_from_slice(&[0, 0, 8, 3]);
        }
        let _ = read_idx_images("a", header.as_slice());
        let _ = read_idx_labels("a", header.as_slice());
    }
}
