//! [`Exporter`]: spans to a collector, by OTLP over HTTP or gRPC.
//!
//! Batches go out whenever there is something, one at a time; one that a collector does not take is
//! tried again, with pauses, while new spans push the oldest out of the shelf. Custody never waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{
    SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::trace::SpanExporter as _;
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::otel;
use super::shelf::{Owned, Shelf};
use crate::config::{OtlpProtocol, Telemetry};
use crate::tls::TlsFiles;

/// Spans of one request.
const BATCH_MAX: usize = 512;
/// Spans are gathered for so long before they go.
const GATHER: Duration = Duration::from_millis(500);
/// A collector answers within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pauses after a collector did not take spans.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("telemetry.otlp_endpoint {endpoint}: {why}; valid is a URL such as http://10.72.0.9:4318")]
pub struct ExporterError {
    endpoint: String,
    why: String,
}

/// The way to a collector.
pub struct Exporter {
    to: SpanExporter,
    shelf: Shelf,
    topology: Arc<Topology>,
}

impl Exporter {
    /// One as configured; `None` if no collector is.
    ///
    /// # Errors
    /// The endpoint is none.
    pub fn of(
        config: &Telemetry,
        tls: Option<&TlsFiles>,
        shelf: Shelf,
        topology: Arc<Topology>,
    ) -> Result<Option<Self>, ExporterError> {
        let Some(endpoint) = &config.otlp_endpoint else { return Ok(None) };
        let wrong = |why: String| ExporterError { endpoint: endpoint.clone(), why };
        let ca = tls.map(|files| std::fs::read(&files.ca)).transpose();
        let ca = ca.map_err(|fault| wrong(format!("tls.ca does not read: {fault}")))?;
        let to = match config.otlp_protocol {
            OtlpProtocol::HttpProtobuf => {
                let mut client = reqwest::Client::builder().timeout(ANSWER_WITHIN);
                if let Some(ca) = &ca {
                    let ca = reqwest::Certificate::from_pem(ca);
                    let ca = ca.map_err(|fault| wrong(format!("tls.ca: {fault}")))?;
                    client = client.add_root_certificate(ca);
                }
                let client = Http(client.build().map_err(|fault| wrong(fault.to_string()))?);
                SpanExporter::builder()
                    .with_http()
                    .with_http_client(client)
                    .with_endpoint(traces(endpoint))
                    .build()
            }
            OtlpProtocol::Grpc => {
                let mut to = SpanExporter::builder()
                    .with_tonic()
                    .with_endpoint(endpoint.clone())
                    .with_timeout(ANSWER_WITHIN);
                if let Some(ca) = ca.filter(|_| endpoint.starts_with("https:")) {
                    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
                    to = to.with_tls_config(tls);
                }
                to.build()
            }
        };
        let to = to.map_err(|fault| wrong(fault.to_string()))?;
        Ok(Some(Self { to, shelf, topology }))
    }

    /// Exports for as long as the station runs.
    pub async fn run(mut self) {
        let pauses = || {
            let builder = ExponentialBuilder::new().with_jitter().without_max_times();
            builder.with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX).build()
        };
        let mut pause = pauses();
        loop {
            self.shelf.filled().await;
            tokio::time::sleep(GATHER).await;
            let batch = self.shelf.take(BATCH_MAX);
            match self.export(&batch).await {
                Ok(()) => {
                    metrics::counter!("yizhan_spans_exported_total").increment(batch.len() as u64);
                    pause = pauses();
                }
                Err(why) => {
                    metrics::counter!("yizhan_spans_export_failures_total").increment(1);
                    let wait = pause.next().unwrap_or(PAUSE_MAX);
                    tracing::warn!(
                        event = "spans_not_exported",
                        why,
                        waits_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        "the collector did not take spans"
                    );
                    self.shelf.put_back(batch);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Each station has its own resource, so each has its own request.
    async fn export(&mut self, batch: &[Owned]) -> Result<(), String> {
        let mut by_station: BTreeMap<(&Code, &Arc<str>), Vec<_>> = BTreeMap::new();
        for owned in batch {
            let data = otel::data(&owned.span, &owned.station);
            by_station.entry((&owned.station, &owned.version)).or_default().push(data);
        }
        for ((station, version), spans) in by_station {
            let tier = self.topology.tier_of(station).unwrap_or("unknown");
            self.to.set_resource(&otel::resource(station, tier, version));
            self.to.export(spans).await.map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }
}

/// The endpoint's path for traces, unless the URL has one already (OTLP 1.5, section OTLP/HTTP).
fn traces(endpoint: &str) -> String {
    match endpoint.ends_with("/v1/traces") {
        true => endpoint.to_owned(),
        false => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
    }
}

#[derive(Debug)]
struct Http(reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = request.map(reqwest::Body::from).try_into()?;
        let mut answer = self.0.execute(request).await?;
        let headers = std::mem::take(answer.headers_mut());
        let mut response = Response::builder().status(answer.status());
        if let Some(of) = response.headers_mut() {
            of.extend(headers);
        }
        Ok(response.body(answer.bytes().await?)?)
    }
}
