//! A Prometheus server of this machine's own binary, in a directory of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use prost::Message;
use serde_json::Value;
use tempfile::TempDir;

use crate::external::Skip;
use crate::wait::until;
use crate::web::Http;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A server on loopback that is told its series; killed and deleted when dropped.
#[derive(Debug)]
pub struct PrometheusServer {
    directory: TempDir,
    http: Http,
    child: Child,
}

/// A series that the server is told.
#[derive(Clone, Debug)]
pub struct PrometheusSeries {
    /// With `__name__`.
    pub labels: BTreeMap<String, String>,
    /// Milliseconds since 1970, in order, and values; none for the marker that the series has ended.
    pub samples: Vec<(i64, Option<f64>)>,
}

/// An element of what the server answers.
#[derive(Clone, Debug, PartialEq)]
pub struct PrometheusElement {
    /// With `__name__` where it has one.
    pub labels: BTreeMap<String, String>,
    /// Its number.
    pub value: f64,
}

impl PrometheusServer {
    /// Starts an empty one.
    pub async fn start() -> Result<Self, Skip> {
        let missing = |cause: std::io::Error| Skip::missing(format!("prometheus: {cause}; apt-get install prometheus"));
        let version = Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.map_err(missing)?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(missing)?;
        let directory = TempDir::new().map_err(missing)?;
        let child = spawn(&directory, free.port()).map_err(missing)?;
        let server = Self { directory, http: Http::new(&format!("http://{free}")), child };
        until("prometheus answers", READY_WITHIN, async || {
            server.http.get("/-/ready").await.ok().filter(|reply| reply.status == 200).map(|_| ())
        })
        .await;
        Ok(server)
    }

    /// Writes series; the first sample of the first is the oldest, and no sample is more than an hour younger.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn write(&self, series: &[PrometheusSeries]) {
        let request = wire::WriteRequest { timeseries: series.iter().map(wire::TimeSeries::from).collect() };
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        let reply = self.http.post("/api/v1/write", &headers, snappy(&request.encode_to_vec())).await;
        let reply = reply.expect("prometheus is there");
        assert!(reply.status < 300, "HTTP {}: {}", reply.status, reply.text());
    }

    /// What an expression is at a time, in milliseconds since 1970; a number is an element without labels.
    ///
    /// # Errors
    /// When the server cannot evaluate it: its words.
    ///
    /// # Panics
    /// When the answer is no vector and no number.
    pub async fn ask(&self, expression: &str, at: i64) -> Result<Vec<PrometheusElement>, String> {
        let body = format!("query={}&time={}.{:03}", encoded(expression), at / 1000, at % 1000);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = self.http.post("/api/v1/query", &headers, body).await.expect("prometheus is there");
        let answer = reply.json();
        if answer["status"] != "success" {
            return Err(answer["error"].as_str().unwrap_or_default().to_owned());
        }
        let (kind, result) = (&answer["data"]["resultType"], &answer["data"]["result"]);
        match kind.as_str() {
            Some("vector") => Ok(result.as_array().into_iter().flatten().map(element).collect()),
            Some("scalar") => Ok(vec![PrometheusElement { labels: BTreeMap::new(), value: number(result) }]),
            _ => panic!("{expression}: {answer}"),
        }
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            eprintln!("--- prometheus had said:\n{said}");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &TempDir, port: u16) -> std::io::Result<Child> {
    let place = |name: &str| directory.path().join(name);
    fs::write(place("prometheus.yaml"), "scrape_configs: []\n")?;
    let mut prometheus = Command::new("prometheus");
    prometheus.arg(format!("--config.file={}", place("prometheus.yaml").display()));
    prometheus.arg(format!("--storage.tsdb.path={}", place("data").display()));
    prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    // Samples of long ago are kept.
    prometheus.args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y", "--log.level=warn"]);
    prometheus.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
    prometheus.stderr(fs::File::create(place("log"))?).spawn()
}

fn element(element: &Value) -> PrometheusElement {
    let labels = element["metric"].as_object().into_iter().flatten();
    let labels = labels.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect();
    PrometheusElement { labels, value: number(&element["value"]) }
}

/// Of a time and a number, which is written as a text.
fn number(pair: &Value) -> f64 {
    pair[1].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{pair}"))
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte.is_ascii_alphanumeric() {
            true => all.push(char::from(byte)),
            false => write!(all, "%{byte:02X}").expect("a text can be written to"),
        }
        all
    })
}

/// In the block format of Snappy, with nothing made shorter.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    const LITERAL_WITH_TWO_BYTES_OF_LENGTH: u8 = 61 << 2;
    let mut all = Vec::new();
    prost::encoding::encode_varint(bytes.len() as u64, &mut all);
    for chunk in bytes.chunks(1 << 16) {
        let last = u16::try_from(chunk.len() - 1).expect("a chunk is short");
        all.push(LITERAL_WITH_TWO_BYTES_OF_LENGTH);
        all.extend(last.to_le_bytes());
        all.extend(chunk);
    }
    all
}

/// Remote write, version 1.
mod wire {
    use super::PrometheusSeries;

    /// What Prometheus takes for the end of a series.
    const STALE: u64 = 0x7ff0_0000_0000_0002;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Label {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Sample {
        #[prost(double, tag = "1")]
        value: f64,
        #[prost(int64, tag = "2")]
        timestamp: i64,
    }

    impl From<&PrometheusSeries> for TimeSeries {
        fn from(series: &PrometheusSeries) -> Self {
            let label = |(name, value): (&String, &String)| Label { name: name.clone(), value: value.clone() };
            let sample = |(timestamp, value): &(i64, Option<f64>)| Sample {
                value: value.unwrap_or(f64::from_bits(STALE)),
                timestamp: *timestamp,
            };
            Self {
                labels: series.labels.iter().map(label).collect(),
                samples: series.samples.iter().map(sample).collect(),
            }
        }
    }
}
