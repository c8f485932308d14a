//! Which model is tuned, where it is found, and which of its parameters move.

use std::path::{Path, PathBuf};

use burn::module::Lora;
use burn::tensor::Device;
use kiln_datasets::{DataPath, FoundFile, LabelledTexts, Route};
use kiln_models::{Bert, Classifier, Llama, Prompt, PromptClassifier, TextClassifier, Tokenizer, with_lora};
use kiln_tensor::Parameters;
use serde::{Deserialize, Serialize};

use super::choices::Tune;
use super::error::FinetuneError;
use super::task::Examples;
use super::weights;

/// A model with what turns it into a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelPlan {
    /// A folder, a `.gguf` file, or one of the catalogue's names `minilm` and `smollm2`.
    pub name: String,
    /// Which parameters move.
    pub tune: Tune,
    /// Labels in the order of classes.
    pub classes: Vec<String>,
    /// Most tokens of a text; longer ones are cut.
    pub max_length: usize,
    /// What a decoder reads after each text.
    pub suffix: String,
    /// What a decoder answers for each class; only the first token counts.
    pub words: Vec<String>,
    /// Seed of `LoRA`'s factors and of the head under them.
    pub seed: u64,
    /// Trainable parameters to begin with, as an earlier run wrote them.
    pub weights: Option<PathBuf>,
}

/// Where a model lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    name: String,
    path: PathBuf,
    kind: Kind,
    /// SHA-256 of the file, or over the files of the folder.
    pub sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Encoder,
    Decoder,
}

/// The names of the catalogue: what `--model` calls it, and what the search path does.
const CATALOGUE: [(&str, &str); 2] =
    [("minilm", "models/minilm"), ("smollm2", "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")];

/// Finds a model: a folder with `model.safetensors`, `config.json` and `tokenizer.json` (an encoder of the
/// BERT family), a `.gguf` file (a decoder of the Llama family), or a name of the catalogue.
///
/// # Errors
/// [`FinetuneError::Setting`] when it is neither, and when the catalogue's model has not been fetched: how to
/// do so.
pub fn locate(name: &str, data: &DataPath) -> Result<ModelFiles, FinetuneError> {
    let refuse = |reason: String| Err(FinetuneError::Setting { option: "model", reason });
    let path = Path::new(name);
    let found = if path.exists() {
        in_folder(path)?
    } else if let Some((_, known)) = CATALOGUE.iter().find(|(short, _)| *short == name) {
        data.find(known)?
    } else {
        return refuse(format!(
            "{name} is no folder, no file, and no model of the catalogue (minilm, smollm2)"
        ));
    };
    let sha256 = found.sha256;
    let Some(path) = found.path else { return refuse(format!("{name} is no file")) };
    let is_gguf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    match (path.is_dir(), is_gguf) {
        (true, _) => Ok(ModelFiles { name: name.to_owned(), path, kind: Kind::Encoder, sha256 }),
        (false, true) => Ok(ModelFiles { name: name.to_owned(), path, kind: Kind::Decoder, sha256 }),
        (false, false) => refuse(format!(
            "{name} is a file, but no .gguf; for an encoder name the folder that holds its model.safetensors, \
             config.json and tokenizer.json"
        )),
    }
}

impl ModelFiles {
    /// What [`locate`] was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a decoder, which answers a prompt.
    pub fn is_decoder(&self) -> bool {
        self.kind == Kind::Decoder
    }
}

/// A path of the user's as if a search had found it.
pub(super) fn in_folder(path: &Path) -> Result<FoundFile, FinetuneError> {
    let whole = path.canonicalize().map_err(super::error::at(path))?;
    let (Some(folder), Some(name)) = (whole.parent(), whole.file_name().and_then(|name| name.to_str()))
    else {
        return Err(super::error::broken(path, "this is no name of a file or folder"));
    };
    let search = DataPath::of_folders(vec![(Route::Explicit, folder.to_path_buf())]);
    Ok(search.find(name)?)
}

/// What turns texts into tokens.
#[derive(Debug, Clone)]
pub enum Reader {
    /// Of an encoder.
    Encoder(Tokenizer),
    /// Of a decoder.
    Decoder(Prompt),
}

/// A classifier of either kind.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one in a process, and it is taken apart at once")]
pub enum TunedModel {
    /// An encoder with a head.
    Encoder(Classifier),
    /// A decoder that answers a prompt.
    Decoder(PromptClassifier),
}

impl ModelPlan {
    /// Loads the model's reader of texts.
    ///
    /// # Errors
    /// What [`kiln_models`] reports; words that are not one for each class.
    pub fn reader(&self, files: &ModelFiles) -> Result<Reader, FinetuneError> {
        match files.kind {
            Kind::Encoder => Ok(Reader::Encoder(Tokenizer::from_dir(&files.path)?)),
            Kind::Decoder => {
                if self.words.len() != self.classes.len() {
                    let (words, classes) = (self.words.len(), self.classes.join(", "));
                    let reason = format!(
                        "{words} words for {} classes ({classes}); give one word for each, in this order, such as \
                         --words \" terrible, great\"",
                        self.classes.len()
                    );
                    return Err(FinetuneError::Setting { option: "words", reason });
                }
                let tokenizer = Tokenizer::from_gguf(&files.path)?;
                Ok(Reader::Decoder(Prompt::new(tokenizer, &self.suffix, &self.words)?))
            }
        }
    }

    /// Loads the model onto a plain device, the parameters frozen that do not move.
    ///
    /// # Errors
    /// What [`kiln_models`] reports; more layers to move than there are.
    pub fn load(&self, files: &ModelFiles, device: &Device) -> Result<TunedModel, FinetuneError> {
        match files.kind {
            Kind::Encoder => {
                let encoder = Bert::load(&files.path, device)?;
                let mut model = Classifier::new(encoder, self.classes.len())?;
                if matches!(self.tune, Tune::Lora(_)) {
                    // Of a head of zeros with factors that begin at zero, nothing would change the loss at
                    // first.
                    model = model.with_random_head(self.seed)?;
                }
                Ok(TunedModel::Encoder(self.frozen(model)?))
            }
            Kind::Decoder => {
                let Reader::Decoder(prompt) = self.reader(files)? else {
                    return Err(FinetuneError::Setting { option: "model", reason: "no decoder".into() });
                };
                let model = Llama::load(&files.path, device)?;
                Ok(TunedModel::Decoder(self.frozen(PromptClassifier::new(model, &prompt)?)?))
            }
        }
    }

    fn frozen<M: TextClassifier>(&self, model: M) -> Result<M, FinetuneError> {
        let model = match self.tune {
            Tune::Full => model,
            Tune::Head => model.train_last(0),
            Tune::LastLayers(count) if count > model.layers() => {
                let reason = format!("last-layers={count}, but the model has {} layers", model.layers());
                return Err(FinetuneError::Setting { option: "tune", reason });
            }
            Tune::LastLayers(count) => model.train_last(count),
            Tune::Lora(rank) => with_lora(model, Lora::new(rank, LORA_ALPHA), self.seed)?,
        };
        let Some(path) = &self.weights else { return Ok(model) };
        let mut point = Parameters::new(model);
        weights::load(&mut point, path)?;
        Ok(point.into_inner())
    }
}

const LORA_ALPHA: f64 = 16.0;

impl Reader {
    /// The texts as tokens. The second text of a pair follows the first after `[SEP]` for an encoder, and on
    /// a new line for a decoder.
    ///
    /// # Errors
    /// What [`kiln_models`] reports.
    pub fn examples(&self, texts: &LabelledTexts, max_length: usize) -> Result<Examples, FinetuneError> {
        let separator = match self {
            Self::Encoder(_) => " [SEP] ",
            Self::Decoder(_) => "\n",
        };
        let joined: Vec<String>;
        let texts_to_read = if texts.seconds.is_empty() {
            &texts.texts
        } else {
            let pairs = texts.texts.iter().zip(&texts.seconds);
            joined = pairs.map(|(first, second)| format!("{first}{separator}{second}")).collect();
            &joined
        };
        let tokens = match self {
            Self::Encoder(tokenizer) => tokenizer.encode_batch(texts_to_read, max_length)?,
            Self::Decoder(prompt) => prompt.encode_batch(texts_to_read, max_length)?,
        };
        Examples::new(tokens, texts.labels.clone())
    }
}
