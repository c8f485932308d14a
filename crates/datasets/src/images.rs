//! Labelled pictures: IDX files, MNIST, USPS and optdigits.

use std::io::Read;

use kiln_core::data::{DataUse, FindData};

use super::error::{LoadError, ReadError};
use super::search::reader;

/// Pictures of one size in shades of grey, row by row, with a label each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledImages {
    /// Pixels in a row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// `width · height` values for each picture: 0 to 255, but 0 to 16 in [`optdigits`].
    pub pixels: Vec<u8>,
    /// Class of each picture.
    pub labels: Vec<u8>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

impl LabelledImages {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of picture `i`.
    ///
    /// # Panics
    /// Unless `i < self.len()`.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.width * self.height;
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The pictures at these places, in this order.
    ///
    /// # Panics
    /// When a place is not below `self.len()`.
    #[must_use]
    pub fn select(&self, places: &[usize]) -> Self {
        Self {
            pixels: places.iter().flat_map(|&i| self.image(i)).copied().collect(),
            labels: places.iter().map(|&i| self.labels[i]).collect(),
            sources: self.sources.clone(),
            ..*self
        }
    }

    /// The first `n` pictures of each class (all of a class that has fewer), class by class.
    #[must_use]
    pub fn first_of_each_class(&self, n: usize) -> Self {
        let of_class = |class: u8| (0..self.len()).filter(move |&i| self.labels[i] == class).take(n);
        self.select(&(0..=u8::MAX).flat_map(of_class).collect::<Vec<_>>())
    }
}

/// Pictures of an IDX file: number of rows, number of columns, and the pixels of all.
pub type IdxImages = (usize, usize, Vec<u8>);

/// Reads an IDX file of pictures (unsigned bytes, three dimensions). `name` is for messages.
///
/// ```
/// use kiln_datasets::read_idx_images;
/// let file = [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2][..], &[7, 9]].concat();
/// assert_eq!(read_idx_images("a", file.as_slice()).unwrap(), (1, 2, vec![7, 9]));
/// ```
///
/// # Errors
/// [`LoadError::Read`] when it cannot be read, is of another kind, or is shorter or longer than its header says.
pub fn read_idx_images(name: &str, reader: impl Read) -> Result<IdxImages, ReadError> {
    let ([_, height, width], pixels) = read_idx::<3>(name, reader)?;
    if height == 0 || width == 0 {
        return Err(fault(name, format!("pictures of {height} x {width} pixels")));
    }
    Ok((height, width, pixels))
}

/// Reads an IDX file of labels (unsigned bytes, one dimension). `name` is for messages.
///
/// # Errors
/// As [`read_idx_images`].
pub fn read_idx_labels(name: &str, reader: impl Read) -> Result<Vec<u8>, ReadError> {
    Ok(read_idx::<1>(name, reader)?.1)
}

fn fault(name: &str, reason: impl Into<String>) -> ReadError {
    ReadError::malformed(name, None, reason)
}

fn read_idx<const D: usize>(name: &str, mut reader: impl Read) -> Result<([usize; D], Vec<u8>), ReadError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(ReadError::io(name))?;
    let Some((header, contents)) = bytes.split_at_checked(4 + 4 * D) else {
        return Err(fault(name, format!("{} bytes, too few for the header of an IDX file", bytes.len())));
    };
    if header[..3] != [0, 0, 8] || usize::from(header[3]) != D {
        let found = &header[..4];
        return Err(fault(name, format!("not an IDX file of bytes in {D} dimensions: it starts {found:?}")));
    }
    let mut shape = [0; D];
    for (size, bytes) in shape.iter_mut().zip(header[4..].as_chunks::<4>().0) {
        *size = u32::from_be_bytes(*bytes) as usize;
    }
    let expected = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if expected != Some(contents.len()) {
        let found = contents.len();
        return Err(fault(name, format!("{found} bytes after the header, which says {shape:?}")));
    }
    Ok((shape, contents.to_vec()))
}

/// Reads MNIST as CSV: 784 pixels and the label in each line, no header. `name` is for messages.
///
/// # Errors
/// [`ReadError`] with the line, for anything but 785 whole numbers of 0 to 255.
pub fn read_mnist_csv(name: &str, mut reader: impl Read) -> Result<(Vec<u8>, Vec<u8>), ReadError> {
    const PIXELS: usize = 28 * 28;
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(ReadError::io(name))?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let fault = |reason: String| ReadError::malformed(name, Some(index + 1), reason);
        let mut row = Vec::with_capacity(PIXELS + 1);
        for field in line.split(',') {
            let value = field.trim().parse::<u8>();
            row.push(value.map_err(|_| fault(format!("\"{field}\" is no whole number of 0 to 255")))?);
        }
        if row.len() != PIXELS + 1 {
            return Err(fault(format!("{} fields, {} expected", row.len(), PIXELS + 1)));
        }
        labels.push(row[PIXELS]);
        pixels.extend_from_slice(&row[..PIXELS]);
    }
    Ok((pixels, labels))
}

/// A published split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePart {
    /// To train on.
    Train,
    /// To test on.
    Test,
}

/// The handwritten digits of MNIST in their published order: 60,000 to train on, 10,000 to test on, 28 x 28
/// pixels.
///
/// # Errors
/// [`LoadError::Missing`] when they are not found, [`LoadError::Read`] when they cannot be read.
pub fn mnist(data: &impl FindData, part: ImagePart) -> Result<LabelledImages, LoadError> {
    let (images, labels): (&[&str], &str) = match part {
        ImagePart::Train => (
            &[
                "digits/mnist-train-images-part0.idx3-ubyte.gz",
                "digits/mnist-train-images-part1.idx3-ubyte.gz",
                "digits/mnist-train-images-part2.idx3-ubyte.gz",
            ],
            "digits/mnist-train-labels.idx1-ubyte.gz",
        ),
        ImagePart::Test => {
            (&["digits/mnist-t10k-images.idx3-ubyte.gz"], "digits/mnist-t10k-labels.idx1-ubyte.gz")
        }
    };
    digits(data, images, labels, 28, u8::MAX)
}

/// The ZIP-code digits of USPS: 7,291 to train on, 2,007 to test on, 16 x 16 pixels, no blank margin.
///
/// # Errors
/// As [`mnist`].
pub fn usps(data: &impl FindData, part: ImagePart) -> Result<LabelledImages, LoadError> {
    let (images, labels) = match part {
        ImagePart::Train => {
            ("digits/usps-train-images.idx3-ubyte.gz", "digits/usps-train-labels.idx1-ubyte.gz")
        }
        ImagePart::Test => ("digits/usps-test-images.idx3-ubyte.gz", "digits/usps-test-labels.idx1-ubyte.gz"),
    };
    digits(data, &[images], labels, 16, u8::MAX)
}

/// Optdigits, the test part: 1,797 handwritten digits, 8 x 8 pixels of **0 to 16**. They are compiled in.
///
/// ```
/// use kiln_datasets::{DataPath, optdigits};
/// let digits = optdigits(&DataPath::of_folders(vec![])).unwrap();
/// assert_eq!((digits.len(), digits.width, digits.labels[1_796]), (1_797, 8, 8));
/// ```
///
/// # Errors
/// [`LoadError::Read`] when a folder of the search path has them, and they cannot be read.
pub fn optdigits(data: &impl FindData) -> Result<LabelledImages, LoadError> {
    let images = "digits/optdigits-images-8x8-0to16.idx3-ubyte.gz";
    digits(data, &[images], "digits/optdigits-labels.idx1-ubyte.gz", 8, 16)
}

/// Square digits of `side` pixels up to `brightest`: the pictures of one or more files, and the labels of
/// one.
fn digits(
    data: &impl FindData,
    images: &[&str],
    labels: &str,
    side: usize,
    brightest: u8,
) -> Result<LabelledImages, LoadError> {
    let (mut pixels, mut sources) = (Vec::new(), Vec::new());
    for name in images {
        let found = data.find_data(name)?;
        let (height, width, part) = read_idx_images(name, reader(&found)?)?;
        if (height, width) != (side, side) {
            let reason = format!("pictures of {height} x {width} pixels, not {side} x {side}");
            return Err(fault(name, reason).into());
        }
        if let Some(pixel) = part.iter().find(|&&pixel| pixel > brightest) {
            return Err(fault(name, format!("a pixel of {pixel}, of 0 to {brightest} expected")).into());
        }
        sources.push(found.used(part.len() / (side * side)));
        pixels.extend(part);
    }
    let found = data.find_data(labels)?;
    let labels = read_idx_labels(&found.name, reader(&found)?)?;
    sources.push(found.used(labels.len()));
    let pictures = pixels.len() / (side * side);
    if pictures != labels.len() {
        return Err(fault(&found.name, format!("{} labels for {pictures} pictures", labels.len())).into());
    }
    if let Some(label) = labels.iter().find(|&&label| label > 9) {
        return Err(fault(&found.name, format!("label {label} is no digit")).into());
    }
    Ok(LabelledImages { width: side, height: side, pixels, labels, sources })
}

/// MNIST-5k: the first 500 training pictures of each digit, digit by digit.
///
/// They are read from the package's file where that was fetched, or else taken out of the whole of MNIST: the
/// bytes are the same.
///
/// # Errors
/// [`LoadError::Missing`] when neither is found, [`LoadError::Read`] when it cannot be read.
pub fn mnist_5k(data: &impl FindData) -> Result<LabelledImages, LoadError> {
    let missing = match data.find_data("digits/mnist_5k.csv.gz") {
        Ok(found) => {
            let (pixels, labels) = read_mnist_csv(&found.name, reader(&found)?)?;
            let sources = vec![found.used(labels.len())];
            return Ok(LabelledImages { width: 28, height: 28, pixels, labels, sources });
        }
        Err(missing) => missing,
    };
    match mnist(data, ImagePart::Train) {
        Ok(all) => Ok(all.first_of_each_class(500)),
        // The small file is the one to get.
        Err(LoadError::Missing(_)) => Err(missing.into()),
        Err(error) => Err(error),
    }
}
