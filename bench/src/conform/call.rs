//! One request as a case wants it, byte for byte, not yet bound to a connection.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::target::{Port, Signal, Transport};
use super::wire::Coding;

/// The version of HTTP of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    One,
    Two,
}

/// One request, not yet bound to a connection.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) transport: Transport,
    pub(crate) signal: Signal,
    pub(crate) port: Port,
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The message; on gRPC without its frame.
    pub(crate) body: Bytes,
    /// The compressed flag of the gRPC frame.
    pub(crate) flagged: bool,
    /// Whether to leave the target's headers out.
    pub(crate) anonymous: bool,
}

impl Call {
    /// An export as an ordinary client sends it, uncompressed.
    pub(crate) fn export(transport: Transport, signal: Signal, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(transport.content_type()));
        if transport == Transport::Grpc {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        Self {
            transport,
            signal,
            port: transport.port(),
            version: if transport == Transport::Grpc { Version::Two } else { Version::One },
            method: Method::POST,
            path: signal.path(transport).to_owned(),
            headers,
            body: body.into(),
            flagged: false,
            anonymous: false,
        }
    }

    /// The same with its body compressed.
    pub(crate) fn coded(self, coding: Coding) -> Self {
        let body = coding.compress(&self.body);
        self.declared(coding.name()).containing(body).flagged(coding != Coding::Identity)
    }

    /// The same with the name of a coding in its headers, whatever the body is.
    pub(crate) fn declared(self, coding: &'static str) -> Self {
        let name = if self.transport == Transport::Grpc { "grpc-encoding" } else { "content-encoding" };
        self.with(HeaderName::from_static(name), coding)
    }

    pub(crate) fn containing(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn flagged(mut self, flagged: bool) -> Self {
        self.flagged = flagged;
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn without(mut self, name: &HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn at(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn via(mut self, port: Port) -> Self {
        self.port = port;
        self
    }

    pub(crate) fn over(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The bytes that follow the headers: on gRPC the message in its frame.
    pub(crate) fn wire_body(&self) -> Bytes {
        if self.transport != Transport::Grpc {
            return self.body.clone();
        }
        let mut frame = BytesMut::with_capacity(5 + self.body.len());
        frame.put_u8(u8::from(self.flagged));
        frame.put_u32(u32::try_from(self.body.len()).expect("no case sends 4 GiB"));
        frame.put_slice(&self.body);
        frame.freeze()
    }
}
