//! What the lake promises, on a disk and on a real S3 server.

mod damage;
mod faulty;
mod s3;
mod support;
mod upkeep;
