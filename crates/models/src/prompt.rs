//! Classification as prediction of the next word (Schick, Schütze, *Exploiting cloze questions for few-shot
//! text classification*, EACL 2021; with decoders as in Malladi et al., *Fine-tuning language models with
//! just forward passes*, NeurIPS 2023): "TEXT It was" is followed by "great" or "terrible".

use burn::module::Module;
use burn::tensor::Tensor;
use kiln_core::{InputError, check};

use crate::{Llama, ModelError, TextClassifier, TokenBatch, Tokenizer};

/// What is put after every text, and a word for each class.
#[derive(Clone, Debug)]
pub struct Prompt {
    tokenizer: Tokenizer,
    suffix: Vec<u32>,
    /// First token of each class's word.
    words: Vec<u32>,
}

impl Prompt {
    /// A prompt such as `" It was"` with words such as `[" terrible", " great"]`. Of each word only the first
    /// token counts; spaces belong to words, as most tokenizers see it.
    ///
    /// # Errors
    /// [`InputError::Empty`] when there are no words or the suffix or a word has no tokens;
    /// [`ModelError::SameToken`]; [`ModelError::Tokenize`].
    pub fn new(tokenizer: Tokenizer, suffix: &str, words: &[impl AsRef<str>]) -> Result<Self, ModelError> {
        let suffix = tokenizer.encode(suffix)?;
        if suffix.is_empty() {
            return Err(InputError::empty("the prompt's suffix").into());
        }
        let mut first: Vec<u32> = Vec::new();
        for word in words {
            let tokens = tokenizer.encode(word.as_ref())?;
            let &token = tokens.first().ok_or_else(|| InputError::empty("a word of the prompt"))?;
            if let Some(earlier) = first.iter().position(|&other| other == token) {
                let [first, second] = [&words[earlier], word].map(|word| word.as_ref().to_owned());
                return Err(ModelError::SameToken { first, second });
            }
            first.push(token);
        }
        if first.is_empty() {
            return Err(InputError::empty("the list of words").into());
        }
        Ok(Self { tokenizer, suffix, words: first })
    }

    /// Each text followed by the suffix, at most `max_length` tokens: the text is cut, never the suffix.
    /// White space at the end of a text is dropped.
    ///
    /// # Errors
    /// [`InputError::Empty`] without texts; [`InputError::Setting`] when `max_length` leaves no room for a
    /// token of the text; [`ModelError::Tokenize`].
    pub fn encode_batch(
        &self,
        texts: &[impl AsRef<str>],
        max_length: usize,
    ) -> Result<TokenBatch, ModelError> {
        let room = max_length.saturating_sub(self.suffix.len());
        if room == 0 {
            let must = "more than the number of tokens of the suffix";
            return Err(InputError::setting("max_length", max_length as f64, must).into());
        }
        let rows = texts
            .iter()
            .map(|text| {
                let mut row = self.tokenizer.encode(text.as_ref().trim_end())?;
                row.truncate(room);
                row.extend(&self.suffix);
                Ok(row)
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        TokenBatch::new(&rows, self.tokenizer.padding())
    }
}

/// A decoder that answers a [`Prompt`]: the logits of the classes are those of their words' first tokens. It
/// has no parameters but the decoder's.
#[derive(Module, Debug)]
pub struct PromptClassifier {
    model: Llama,
    #[module(skip)]
    words: Vec<u32>,
}

impl PromptClassifier {
    /// Makes a classifier of a decoder. Batches must be made by the same prompt.
    ///
    /// # Errors
    /// [`InputError::Index`] when the prompt's tokenizer belongs to another model, with a larger vocabulary.
    pub fn new(model: Llama, prompt: &Prompt) -> Result<Self, ModelError> {
        let vocabulary = model.config().vocabulary;
        prompt.words.iter().try_for_each(|&token| check::index("token", token as usize, vocabulary))?;
        Ok(Self { model, words: prompt.words.clone() })
    }

    /// The decoder.
    pub fn model(&self) -> &Llama {
        &self.model
    }
}

impl TextClassifier for PromptClassifier {
    fn logits(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError> {
        self.model.next_logits_of(batch, &self.words)
    }

    fn classes(&self) -> usize {
        self.words.len()
    }

    fn layers(&self) -> usize {
        self.model.config().layers
    }
}
