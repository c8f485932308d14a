//! What a program calls without a command line.

use kiln_core::InputError;
use kiln_finetune::{Examples, FinetuneError, evaluate, export, predict_classes, predict_probabilities};
use kiln_models::TokenBatch;

use super::tiny;

#[test]
fn answers_do_not_depend_on_how_many_pass_at_once() {
    let (model, examples) = (tiny::model(), tiny::examples(9, 2));
    let whole = evaluate(&model, &examples, 64).unwrap();
    let classes = predict_classes(&model, examples.tokens(), 64).unwrap();
    for micro_batch in [1, 2, 9] {
        let scores = evaluate(&model, &examples, micro_batch).unwrap();
        assert!((scores.loss - whole.loss).abs() < 1e-6);
        assert_eq!((scores.accuracy, scores.f1), (whole.accuracy, whole.f1));
        assert_eq!(predict_classes(&model, examples.tokens(), micro_batch).unwrap(), classes);
        let probabilities = predict_probabilities(&model, examples.tokens(), micro_batch).unwrap();
        assert_eq!(probabilities.len(), 9);
        for of_text in &probabilities {
            assert_eq!(of_text.len(), 2);
            assert!((of_text.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }
        // The loss is the mean logarithm of the right class's probability.
        let log_loss =
            probabilities.iter().zip(examples.labels()).map(|(p, &label)| -p[label].ln()).sum::<f64>();
        assert!((log_loss / 9.0 - whole.loss).abs() < 1e-5);
    }
    let right = classes.iter().zip(examples.labels()).filter(|(class, label)| class == label).count();
    assert!((whole.accuracy - right as f64 / 9.0).abs() < 1e-12);
}

#[test]
fn bad_input_is_an_error() {
    let (model, examples) = (tiny::model(), tiny::examples(4, 2));
    for error in [
        evaluate(&model, &examples, 0).map(drop),
        predict_classes(&model, examples.tokens(), 0).map(drop),
        predict_probabilities(&model, examples.tokens(), 0).map(drop),
    ] {
        assert!(matches!(error, Err(FinetuneError::Input(InputError::Setting { .. }))), "{error:?}");
    }
    let tokens = || TokenBatch::new(&[vec![5, 7], vec![6, 7]], 0).unwrap();
    assert!(Examples::new(tokens(), vec![0]).is_err());
    // A label without a class, and a word that the model does not know.
    assert!(evaluate(&model, &Examples::new(tokens(), vec![0, 7]).unwrap(), 4).is_err());
    let unknown = TokenBatch::new(&[vec![1_000_000]], 0).unwrap();
    assert!(predict_classes(&model, &unknown, 4).is_err());
    assert!(export(&model, "/no/such/folder/weights.safetensors").is_err());
}

#[test]
fn weights_are_exported_as_safetensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    export(&tiny::model(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let ends = header.as_object().unwrap().values().map(|tensor| tensor["data_offsets"][1].as_u64().unwrap());
    assert_eq!(ends.max().unwrap() as usize, bytes.len() - 8 - length);
}
