//! Heart disease at four hospitals.
//!
//! A. Janosi, W. Steinbrunn, M. Pfisterer and R. Detrano, "Heart Disease", UCI Machine Learning Repository
//! (1989), <https://doi.org/10.24432/C52P4X>.

use std::io::Read;

use kiln_core::data::{DataUse, FindData};

use super::delimited::{number, read_text, rows};
use super::error::{LoadError, ReadError};
use super::search::reader;

const SITES: [&str; 4] = ["cleveland", "hungarian", "switzerland", "va"];

/// The 13 covariates, in the order of [`HeartSite::covariates`].
pub const HEART_COVARIATES: [&str; 13] = [
    "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca",
    "thal",
];

const HEADER: [&str; 15] = [
    "site", "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope",
    "ca", "thal", "num",
];

/// The patients of one hospital.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartSite {
    /// The hospital.
    pub name: String,
    /// The covariates of each patient ([`HEART_COVARIATES`]); `None` is a missing value.
    ///
    /// Values are as published. No cholesterol (`chol`, mg/dl) and no blood pressure (`trestbps`, mm Hg) can
    /// be 0, so such a 0 means missing too: every cholesterol in Switzerland, 49 in `va`, and one blood
    /// pressure in `va`.
    pub covariates: Vec<[Option<f64>; 13]>,
    /// Diagnosis of each patient: 0 healthy, 1 to 4 ill. Hungary tells only 0 from 1.
    pub num: Vec<u8>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

impl HeartSite {
    /// Number of patients.
    pub fn len(&self) -> usize {
        self.num.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.num.is_empty()
    }

    /// Which patients are ill: `num > 0`.
    pub fn ill(&self) -> Vec<bool> {
        self.num.iter().map(|&num| num > 0).collect()
    }
}

/// Reads the table of `domains/heart-disease-four-sites.csv`: header, `site`, 13 covariates and `num`, an
/// empty field being a missing covariate. Gives the sites in order of first appearance. `name` is for
/// messages.
///
/// ```
/// use kiln_datasets::{HEART_COVARIATES, read_heart_csv};
/// let table = format!("site,{},num\nva,63,1,4,140,,0,2,,,,,,,2\n", HEART_COVARIATES.join(","));
/// let sites = read_heart_csv("a.csv", table.as_bytes()).unwrap();
/// assert_eq!((sites[0].covariates[0][0], sites[0].covariates[0][4]), (Some(63.0), None));
/// ```
///
/// # Errors
/// [`ReadError`] with the line for another header, a row of another length, a covariate that is no finite
/// number, a diagnosis that is not 0 to 4, an empty site; also when there are no rows.
pub fn read_heart_csv(name: &str, reader: impl Read) -> Result<Vec<HeartSite>, ReadError> {
    let text = read_text(name, reader)?;
    let mut sites: Vec<HeartSite> = Vec::new();
    for (line, [site, fields @ .., num]) in rows(name, &text, ',', HEADER)? {
        let fault = |reason: String| ReadError::malformed(name, Some(line), reason);
        if site.is_empty() {
            return Err(fault("the site is empty".into()));
        }
        let mut covariates = [None; 13];
        for ((value, field), column) in covariates.iter_mut().zip(fields).zip(HEART_COVARIATES) {
            *value = if field.is_empty() { None } else { Some(number(name, line, column, field)?) };
        }
        let num = num
            .parse()
            .ok()
            .filter(|num| (0..=4).contains(num))
            .ok_or_else(|| fault(format!("num \"{num}\" is not 0 to 4")))?;
        let place = sites.iter().position(|known| known.name == site).unwrap_or_else(|| {
            sites.push(HeartSite {
                name: site.into(),
                covariates: Vec::new(),
                num: Vec::new(),
                sources: Vec::new(),
            });
            sites.len() - 1
        });
        sites[place].covariates.push(covariates);
        sites[place].num.push(num);
    }
    Ok(sites)
}

/// Heart disease at `cleveland`, `hungarian`, `switzerland` and `va`.
///
/// # Errors
/// [`LoadError::Missing`] when it is not found, [`LoadError::Read`] when it cannot be read.
pub fn heart(data: &impl FindData) -> Result<Vec<HeartSite>, LoadError> {
    let found = data.find_data("domains/heart-disease-four-sites.csv")?;
    let mut sites = read_heart_csv(&found.name, reader(&found)?)?;
    ReadError::expect_names(&found.name, sites.iter().map(|site| &site.name), &SITES)?;
    for site in &mut sites {
        site.sources = vec![found.used(site.len())];
    }
    Ok(sites)
}
