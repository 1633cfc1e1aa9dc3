//! How failures look from outside: status codes, exception types and stack traces in each language.

use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::attributes::text;
use super::fleet::Process;
use super::topology::{Cause, Language, Operation, Service};

/// A failure on its way up to the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    /// The service that failed first.
    pub(super) origin: Service,
    pub(super) message: String,
}

impl Cause {
    pub(super) fn http_status(self) -> u16 {
        match self {
            Self::Bug => 500,
            Self::Timeout => 504,
            Self::Unavailable => 503,
            Self::Declined => 402,
            Self::NotFound => 404,
            Self::Invalid => 400,
        }
    }

    pub(super) fn rpc_status(self) -> &'static str {
        match self {
            Self::Bug => "INTERNAL",
            Self::Timeout => "DEADLINE_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Declined => "FAILED_PRECONDITION",
            Self::NotFound => "NOT_FOUND",
            Self::Invalid => "INVALID_ARGUMENT",
        }
    }

    /// The service is to blame, not the visitor.
    pub(super) fn is_server_error(self) -> bool {
        matches!(self, Self::Bug | Self::Timeout | Self::Unavailable)
    }

    /// Trying again may help.
    pub(super) fn is_passing(self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable)
    }

    /// What the program says that failed this way by itself.
    pub(super) fn message(self, operation: &Operation) -> String {
        let name = operation.entry.name();
        match self {
            Self::Bug => format!("unexpected empty value for 'price' in {name}"),
            Self::Timeout => format!("{name} did not finish in time"),
            Self::Unavailable => format!("{name} is not available"),
            Self::Declined => "card was declined: insufficient funds".to_owned(),
            Self::NotFound => format!("no such thing: {name}"),
            Self::Invalid => format!("quantity must be between 1 and 99 in {name}"),
        }
    }
}

/// The event a span carries where an exception passed through it.
pub(super) fn exception_event(failure: &Failure, process: Process, operation: &Operation, at: u64) -> Event {
    let language = process.profile().language;
    let kind = exception_type(language, failure.cause);
    Event {
        time_unix_nano: at,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", kind),
            text("exception.message", failure.message.clone()),
            text("exception.stacktrace", stack_trace(failure, process, operation)),
        ],
        dropped_attributes_count: 0,
    }
}

pub(super) fn exception_type(language: Language, cause: Cause) -> &'static str {
    let [bug, timeout, unavailable, refused] = match language {
        Language::Go => ["runtime.Error", "context.deadlineExceededError", "*net.OpError", "*errors.errorString"],
        Language::Node => ["TypeError", "TimeoutError", "FetchError", "CardDeclinedError"],
        Language::Java => [
            "java.lang.NullPointerException",
            "java.net.SocketTimeoutException",
            "java.net.ConnectException",
            "com.shop.RejectedException",
        ],
        Language::Python => ["KeyError", "TimeoutError", "ConnectionRefusedError", "ValueError"],
        Language::Dotnet => [
            "System.NullReferenceException",
            "System.TimeoutException",
            "System.Net.Http.HttpRequestException",
            "Shop.RejectedException",
        ],
        Language::Rust => {
            ["shop::error::Invariant", "tokio::time::error::Elapsed", "std::io::Error", "shop::error::Rejected"]
        }
        Language::Ruby => ["NoMethodError", "Net::ReadTimeout", "Errno::ECONNREFUSED", "ArgumentError"],
    };
    match cause {
        Cause::Bug => bug,
        Cause::Timeout => timeout,
        Cause::Unavailable => unavailable,
        Cause::Declined | Cause::NotFound | Cause::Invalid => refused,
    }
}

/// A stack as the language prints it; the same failure at the same place has the same frames.
pub(super) fn stack_trace(failure: &Failure, process: Process, operation: &Operation) -> String {
    let language = process.profile().language;
    let service = process.profile().name;
    let kind = exception_type(language, failure.cause);
    let function = function_name(operation);
    let place = operation.entry.name().len() * 7 + failure.cause as usize * 13;
    let calls = [
        (service, function.as_str(), 40 + place),
        (service, "invoke", 21 + place % 30),
        ("middleware", "authenticate", 88),
        ("middleware", "trace", 34),
        ("server", "dispatch", 512),
        ("server", "serve", 207),
    ];
    let frames = calls.iter().map(|&(file, function, line)| frame(language, file, function, line));
    let head = match language {
        Language::Go => "goroutine 118 [running]:".to_owned(),
        Language::Python => "Traceback (most recent call last):".to_owned(),
        _ => format!("{kind}: {}", failure.message),
    };
    let mut lines = vec![head];
    lines.extend(frames);
    if language == Language::Python {
        lines.push(format!("{kind}: {}", failure.message));
    }
    lines.join("\n")
}

fn frame(language: Language, file: &str, function: &str, line: usize) -> String {
    match language {
        Language::Go => {
            format!("shop/internal/{file}.{function}(0xc000{line:06x})\n\t/src/internal/{file}/{file}.go:{line} +0x1d4")
        }
        Language::Node => format!("    at {function} (/app/dist/{file}.js:{line}:17)"),
        Language::Java => format!("\tat com.shop.{file}.{function}({file}.java:{line})"),
        Language::Python => {
            format!("  File \"/app/{file}.py\", line {line}, in {function}\n    return {function}(request, context)")
        }
        Language::Dotnet => format!("   at Shop.{file}.{function}(Context context) in /src/{file}.cs:line {line}"),
        Language::Rust => format!("   at shop::{file}::{function} (src/{file}.rs:{line}:9)"),
        Language::Ruby => format!("\tfrom /app/lib/{file}.rb:{line}:in '{function}'"),
    }
}

/// `shop.Cart/GetCart` and `/cart/items` as a function would be called.
fn function_name(operation: &Operation) -> String {
    let name = operation.entry.name();
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    let words: String = last.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
    let words = words.trim_matches('_');
    if words.is_empty() { "index".to_owned() } else { words.to_owned() }
}
