use faer::{Mat, mat};
use kiln_adapt::linear::LinearModel;
use kiln_adapt::{AdaptError, Evaluation, Labelled, Labels, Predict};
use kiln_core::InputError;

use super::gaussian;

#[test]
fn a_binary_model_decides_by_the_sign() {
    let model = LinearModel::binary(&[1.0, -2.0], 0.5).unwrap();
    assert_eq!(model.direction().unwrap(), (vec![1.0, -2.0], 0.5));
    let x = mat![[1.0, 0.0], [0.0, 1.0], [-0.5, 0.0]];
    // The last score is 0: a tie, which goes to class 0.
    assert_eq!(model.predict_classes(&x).unwrap(), [1, 0, 0]);
    let probabilities = model.predict_probabilities(&x).unwrap();
    assert!((probabilities[(0, 1)] - 1.0 / (1.0 + (-1.5_f64).exp())).abs() < 1e-15);
    assert!((probabilities[(2, 0)] - 0.5).abs() < 1e-15);
    assert_eq!(model.confidence(&x).unwrap()[2], 0.5);
}

#[test]
fn probabilities_stay_finite_for_large_scores() {
    let model = LinearModel::new(gaussian(1, 0, 3, 4) * faer::Scale(1e4), vec![0.0; 4]).unwrap();
    let probabilities = model.predict_probabilities(&gaussian(1, 1, 20, 3)).unwrap();
    for row in probabilities.row_iter() {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn accuracy_is_balanced_over_the_classes_that_occur() {
    let model = LinearModel::new(mat![[1.0, -1.0, 0.0]], vec![0.0, 0.0, -9.0]).unwrap();
    let y = Labels::classes([0, 0, 0, 1], 3);
    let domain = Labelled::new("d", mat![[1.0], [2.0], [-1.0], [-1.0]], y).unwrap();
    let Evaluation::Classes { accuracy, balanced_accuracy, .. } = model.evaluate(&domain).unwrap() else {
        panic!("the labels are classes");
    };
    assert!((accuracy - 0.75).abs() < 1e-15);
    assert!((balanced_accuracy - 0.5 * (2.0 / 3.0 + 1.0)).abs() < 1e-15);
}

#[test]
fn weight_shares_ignore_what_all_classes_have_in_common() {
    let model = LinearModel::new(mat![[1.0, 3.0], [5.0, 5.0], [0.0, 1.0]], vec![0.0, 0.0]).unwrap();
    let shares = model.weight_shares(&[&[0], &[1], &[2, 1]]).unwrap();
    assert!((shares[0] - 0.8).abs() < 1e-15 && shares[1] == 0.0 && (shares[2] - 0.2).abs() < 1e-15);
    let zero = LinearModel::new(Mat::zeros(2, 2), vec![1.0, 0.0]).unwrap();
    assert_eq!(zero.weight_shares(&[&[0, 1]]).unwrap(), [0.0]);
    assert!(matches!(model.weight_shares(&[&[3]]), Err(AdaptError::Input(InputError::Size { .. }))));
}

#[test]
fn models_survive_json() {
    let model = LinearModel::new(gaussian(2, 0, 3, 2), vec![0.1, 1.0 / 3.0]).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<LinearModel>(&text).unwrap(), model);
    let wrong = r#"{"coefficients": [[1.0]], "intercepts": [0.0, 1.0]}"#;
    assert!(serde_json::from_str::<LinearModel>(wrong).is_err());
}

#[test]
fn bad_input_is_refused() {
    assert!(matches!(
        LinearModel::new(Mat::zeros(2, 0), vec![]),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        LinearModel::new(Mat::zeros(2, 2), vec![0.0]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        LinearModel::regression(&[f64::INFINITY], 0.0),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    let regression = LinearModel::regression(&[1.0], 0.0).unwrap();
    let classifier = LinearModel::binary(&[1.0], 0.0).unwrap();
    let x = mat![[1.0]];
    assert!(matches!(regression.predict_classes(&x), Err(AdaptError::Method(_))));
    assert!(matches!(classifier.predict_values(&x), Err(AdaptError::Method(_))));
    assert!(matches!(
        regression.predict_values(&mat![[1.0, 2.0]]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    let values = Labelled::new("v", x, Labels::values([1.0])).unwrap();
    assert!(classifier.evaluate(&values).is_err());
}
