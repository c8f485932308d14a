use std::path::Path;

use candle_core::quantized::tokenizer::TokenizerFromGguf;
use kiln_core::InputError;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{Encoding, TruncationDirection};

use crate::files::{locate, read};
use crate::gguf::Gguf;
use crate::{ModelError, TokenBatch};

/// Turns texts into token ids and back, as the model was trained to.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    padding: u32,
    /// Tokens put around every text, such as `[CLS]` and `[SEP]`.
    added: usize,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. What the file says about padding and truncation is left aside: batches are
    /// padded to their longest text and cut to a length of the caller's.
    ///
    /// # Errors
    /// When the file cannot be read or is not such a file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let damaged =
            |source| ModelError::Format { path: path.to_owned(), format: "a tokenizer in JSON", source };
        let mut inner = tokenizers::Tokenizer::from_bytes(read(path)?).map_err(damaged)?;
        let padding = inner.get_padding().map(|padding| padding.pad_id);
        let padding = padding.or_else(|| inner.token_to_id("[PAD]")).unwrap_or(0);
        inner.with_padding(None);
        inner.with_truncation(None).map_err(damaged)?;
        Self::new(inner, padding)
    }

    /// Reads the `tokenizer.json` in `dir` or `dir/model`.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file); [`ModelError::NoFile`].
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_file(locate(dir.as_ref(), "tokenizer.json")?)
    }

    /// Reads the tokenizer inside a GGUF file: byte-level pair encoding, with the rules of `gpt-2`, `smollm`,
    /// `llama3` or `qwen2` for where words begin.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or holds another kind of tokenizer.
    pub fn from_gguf(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let file = Gguf::open(path.as_ref())?;
        let rules = file.string("tokenizer.ggml.pre")?;
        let byte_level = ByteLevel::new(false, true, true);
        let words: Option<PreTokenizerWrapper> = match rules {
            "smollm" => Some(Sequence::new(vec![Digits::new(true).into(), byte_level.into()]).into()),
            "gpt-2" => Some(byte_level.into()),
            "llama3" | "qwen2" => None,
            other => {
                return Err(file.unsupported(format!("its tokenizer splits words by the rules of `{other}`")));
            }
        };
        let mut inner = tokenizers::Tokenizer::from_gguf(file.content())
            .map_err(|source| file.unsupported(format!("its tokenizer cannot be used: {source}")))?;
        // Candle knows the last two; for all others it puts a space before every text and keeps numbers
        // whole.
        if words.is_some() {
            inner.with_pre_tokenizer(words);
        }
        let padding = file.optional_integer("tokenizer.ggml.padding_token_id")?;
        let padding = padding.and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        Self::new(inner, padding)
    }

    fn new(inner: tokenizers::Tokenizer, padding: u32) -> Result<Self, ModelError> {
        let added = inner.encode_fast("", true).map_err(ModelError::Tokenize)?.len();
        Ok(Self { inner, padding, added })
    }

    /// The tokens of a text alone, without those that the model wants around a text.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        Ok(self.raw(text)?.get_ids().to_vec())
    }

    /// The tokens of each text with those that the model wants around it (`[CLS]` and `[SEP]` for BERT), at
    /// most `max_length` altogether: longer texts are cut on the right.
    ///
    /// # Errors
    /// [`InputError::Empty`] without texts; [`ModelError::EmptyRow`] for an empty text when nothing is put
    /// around it; [`InputError::Setting`] when `max_length` leaves no room for a token of the text;
    /// [`ModelError::Tokenize`].
    pub fn encode_batch(
        &self,
        texts: &[impl AsRef<str>],
        max_length: usize,
    ) -> Result<TokenBatch, ModelError> {
        let room = max_length.saturating_sub(self.added);
        if room == 0 {
            let must = "more than the number of tokens that are put around every text";
            return Err(InputError::setting("max_length", max_length as f64, must).into());
        }
        let rows = texts
            .iter()
            .map(|text| {
                let mut encoding = self.raw(text.as_ref())?;
                encoding.truncate(room, 0, TruncationDirection::Right);
                encoding.take_overflowing();
                let whole = self.inner.post_process(encoding, None, true).map_err(ModelError::Tokenize)?;
                Ok(whole.get_ids().to_vec())
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        TokenBatch::new(&rows, self.padding)
    }

    /// The text of the tokens, those left out that stand for no text. Ids that are not in the vocabulary are
    /// skipped.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, ModelError> {
        self.inner.decode(ids, true).map_err(ModelError::Tokenize)
    }

    /// The token that [`encode_batch`](Self::encode_batch) fills rows with.
    pub fn padding(&self) -> u32 {
        self.padding
    }

    fn raw(&self, text: &str) -> Result<Encoding, ModelError> {
        self.inner.encode_fast(text, false).map_err(ModelError::Tokenize)
    }
}
