//! The text of a file that may be compressed.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window of zstd: that of `zstd --long`.
const WINDOW: usize = 1 << 27;

/// Why the text of a file cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackedError {
    /// The file is UTF-16.
    #[error("the file is UTF-16: save it as UTF-8, or convert it with `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    /// The file is packed by a program whose files are not read.
    #[error("the file is packed by {by}, which is not read: unpack it first")]
    By {
        /// That program.
        by: &'static str,
    },
    /// The file cannot be read, or its compressed data are damaged.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    Bzip2,
    Zstd,
}

impl Compression {
    /// By the first bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        let is = |start: &[u8]| bytes.starts_with(start);
        if is(&[0x1f, 0x8b]) {
            Some(Self::Gzip)
        } else if is(b"BZh") && bytes.get(3).is_some_and(u8::is_ascii_digit) {
            Some(Self::Bzip2)
        } else if is(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// The first byte of a member.
    fn first_byte(self) -> u8 {
        match self {
            Self::Gzip => 0x1f,
            Self::Bzip2 => b'B',
            Self::Zstd => 0x28,
        }
    }
}

/// The bytes of `reader`, decompressed if its first bytes are those of a file that gzip, bzip2 or zstd made.
/// Members that follow each other are read as one.
///
/// ```
/// use std::io::Read;
///
/// let mut text = String::new();
/// kiln_table::decompressed("a,b\n".as_bytes())?.read_to_string(&mut text)?;
/// assert_eq!(text, "a,b\n");
/// assert!(kiln_table::decompressed(&b"PK\x03\x04"[..]).is_err());
/// # Ok::<(), kiln_table::PackedError>(())
/// ```
///
/// # Errors
/// [`PackedError`]. Damage further on is an error of the reader that is returned.
pub fn decompressed<'a>(mut reader: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>, PackedError> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let compression = Compression::of(&magic);
    if magic.starts_with(&[0xff, 0xfe]) || magic.starts_with(&[0xfe, 0xff]) {
        return Err(PackedError::Utf16);
    }
    let packed = [("xz", &[0xfd, b'7', b'z', b'X'][..]), ("zip", b"PK\x03\x04"), ("7z", b"7z\xbc\xaf")];
    if let Some(&(by, _)) = packed.iter().find(|(_, start)| magic.starts_with(start)) {
        return Err(PackedError::By { by });
    }
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(magic).chain(reader));
    match compression {
        Some(compression) => {
            let members = Members { compression, member: Some(Member::new(compression, whole)?) };
            Ok(Box::new(BufReader::with_capacity(1 << 16, members)))
        }
        None => Ok(Box::new(whole)),
    }
}

enum Member<R: BufRead> {
    Gzip(Box<GzDecoder<R>>),
    Bzip2(BzDecoder<R>),
    Zstd(Box<StreamingDecoder<R, FrameDecoder>>),
}

impl<R: BufRead> Member<R> {
    fn new(compression: Compression, reader: R) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(GzDecoder::new(reader))),
            Compression::Bzip2 => Self::Bzip2(BzDecoder::new(reader)),
            Compression::Zstd => {
                let decoder = StreamingDecoder::new_with_max_window_size(reader, WINDOW as u64);
                let invalid =
                    |error| io::Error::new(io::ErrorKind::InvalidData, format!("damaged zstd data: {error}"));
                Self::Zstd(Box::new(decoder.map_err(invalid)?))
            }
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }

    fn into_inner(self) -> R {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
        }
    }
}

/// The members of a compressed file one after the other. Zeros may follow the last, as tapes and some tools
/// pad with them; other bytes are an error, where they would otherwise be lost without a word.
struct Members<R: BufRead> {
    compression: Compression,
    /// `None` at the end and while one decoder is replaced by the next.
    member: Option<Member<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(member) = self.member.take() else { return Ok(0) };
            let mut rest = member.into_inner();
            if rest.fill_buf()?.first() == Some(&self.compression.first_byte()) {
                self.member = Some(Member::new(self.compression, rest)?);
            } else {
                refuse_rest(&mut rest)?;
            }
        }
    }
}

/// Fails if anything but zeros follows.
fn refuse_rest(rest: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = rest.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|&byte| byte != 0) {
            let message = "the compressed data ends before the file does: is something else appended to it? \
                           Decompress it first to read what there is";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let length = bytes.len();
        rest.consume(length);
    }
}
