//! For tests only: the program as a process, clients that talk to it as others would, and telemetry to send.
//!
//! Nothing here knows the product's code: what is promised is looked at from outside.

mod answer;
mod client;
mod external;
mod postgres;
mod prometheus;
mod redis;
mod s3;
mod sample;
mod server;
mod sql;
mod timescale;
mod tls;
mod wait;
mod web;

pub use answer::{Outcome, Refused};
pub use client::{Client, Protocol};
pub use external::{Skip, node_folder, python};
pub use postgres::PostgresServer;
pub use prometheus::{PrometheusElement, PrometheusSeries, PrometheusServer};
pub use redis::{RedisServer, Remembers};
pub use s3::S3Server;
pub use sample::{Request, attribute, histogram, logs, metrics, now_nanos, points, record, resource, span, spans};
pub use server::{DataDir, Ended, Server, Setup};
pub use sql::Rows;
pub use timescale::TimescaleWasm;
pub use tls::{Authority, Certificate};
pub use wait::until;
pub use web::{Http, Reply};
