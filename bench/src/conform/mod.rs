//! Runs the OTLP receiver checklist (rows E1 to C5) against any endpoint and shows what held.
//! A row passes only if the endpoint was exercised and answered as promised; what could not be tried says why.

mod answer;
mod call;
mod cases;
mod client;
mod items;
mod matrix;
mod memory;
mod mutation;
mod sample;
#[cfg(test)]
mod stub;
mod target;
mod trial;
mod wire;

pub use matrix::{Cell, Failure, Level, Matrix, Outcome, Row};
pub use target::{LIMIT_BYTES, Target, Transport};

use client::Client;

/// Tries the rows named in `only` (all of them if it is empty) one after another.
///
/// A row is named by its id; `E1` stands for `E1-codings` as well. Fails only if nothing can be
/// tried: a row that does not exist, a target without an endpoint.
pub async fn run(target: &Target, only: &[impl AsRef<str>]) -> anyhow::Result<Matrix> {
    let client = Client::new(target)?;
    let wanted = cases::named(only)?;

    let mut rows = Vec::with_capacity(wanted.len());
    for case in wanted {
        rows.push(case.run(&client).await);
    }
    Ok(Matrix { rows, stored_rows_checked: target.sql.is_some() })
}

#[cfg(test)]
mod tests {
    use super::stub::{self, Manner};
    use super::*;

    async fn matrix_of(manner: Manner, only: &[&str]) -> Matrix {
        tried(manner, only, false).await
    }

    async fn matrix_with_rows_counted(manner: Manner, only: &[&str]) -> Matrix {
        tried(manner, only, true).await
    }

    async fn tried(manner: Manner, only: &[&str], counted: bool) -> Matrix {
        let stub = stub::start(manner).await;
        let target = Target::new(&stub.url, &stub.url).expect("the stub's address is valid");
        let sql = format!("{}/api/v1/sql", stub.url).parse().expect("so is the path");
        let target = Target { limit_bytes: stub::LIMIT_BYTES, sql: counted.then_some(sql), ..target };
        run(&target, only).await.expect("the rows exist")
    }

    fn failed(matrix: &Matrix) -> Vec<&'static str> {
        matrix.failures().map(|(row, _)| row.id).collect()
    }

    #[tokio::test]
    async fn a_receiver_that_keeps_the_rules_passes() {
        let rows = [
            "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "L1", "L2", "L3", "S1", "S2", "P1", "P2", "P3", "R1", "R3",
            "R5", "R8", "C1", "C2", "C4", "C5",
        ];

        let matrix = matrix_of(Manner::Careful, &rows).await;

        assert_eq!(failed(&matrix), Vec::<&str>::new(), "{matrix}");
    }

    #[tokio::test]
    async fn a_receiver_that_stores_what_it_accepts_passes() {
        let rows = ["E1", "E4", "L1", "S3", "P1", "P5", "R1", "R8", "C1", "C2"];

        let matrix = matrix_with_rows_counted(Manner::Careful, &rows).await;

        assert_eq!(failed(&matrix), Vec::<&str>::new(), "{matrix}");
    }

    #[tokio::test]
    async fn a_receiver_that_stores_nothing_of_what_it_accepts_fails() {
        let rows = ["E1", "E4", "E5", "L1", "S1", "S3", "P1", "P5", "R3", "R8", "C1", "C2"];

        let matrix = matrix_with_rows_counted(Manner::AcceptsAll, &rows).await;

        let kept = matrix.rows.iter().filter(|row| !row.has_failed()).map(|row| row.id);
        assert_eq!(kept.collect::<Vec<_>>(), Vec::<&str>::new(), "{matrix}");
    }

    #[tokio::test]
    async fn a_receiver_that_accepts_everything_fails_every_row_that_refuses() {
        let rows = ["E8", "J1", "J2-names", "J8", "L1", "L2", "R1", "R1-details", "R5", "C4"];

        let matrix = matrix_of(Manner::AcceptsAll, &rows).await;

        assert_eq!(failed(&matrix), rows, "{matrix}");
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_everything_fails_every_row_that_accepts() {
        let matrix = matrix_of(Manner::RefusesAll, &[]).await;

        // These ask how a refusal looks, or for more than an endpoint.
        let others = ["J2-names", "L2", "L3", "L4", "S3", "P5", "R2", "R5", "R6", "R7", "C3"];
        let kept = matrix.rows.iter().filter(|row| !row.has_failed()).map(|row| row.id);
        assert_eq!(kept.filter(|id| !others.contains(id)).collect::<Vec<_>>(), Vec::<&str>::new(), "{matrix}");
    }

    #[tokio::test]
    async fn a_receiver_that_answers_at_length_fails_the_limit_of_answers() {
        let matrix = matrix_of(Manner::Talkative, &["L3"]).await;

        assert!(matrix.rows[0].cells.iter().all(|cell| matches!(cell.outcome, Outcome::Fail(_))), "{matrix}");
    }

    #[tokio::test]
    async fn an_unknown_row_is_an_error() {
        let target = Target::new("http://127.0.0.1:1", "http://127.0.0.1:1").expect("the address is valid");

        let answer = run(&target, &["Z9"]).await;

        assert!(answer.is_err());
    }
}
