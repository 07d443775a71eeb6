//! Serves the live page and the metrics while a run goes on.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::metrics::exposition;
use super::page::page;

/// Requests answered at the same time; any more wait.
const CONNECTIONS_MAX: usize = 32;
/// From taking up a connection to the last byte of its one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// After a connection could not be taken up, as when no file is left to be opened.
const PAUSE: Duration = Duration::from_millis(200);

/// Prometheus takes this type for OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// The page asks nobody but this server for anything.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

/// A server at work, on a thread of its own. It ends when dropped.
#[derive(Debug)]
pub struct Server {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `board` to whoever asks at `listener`, which must not block.
    ///
    /// # Errors
    /// When the system has no more threads or files.
    pub fn start(listener: TcpListener, board: Board) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let thread = std::thread::Builder::new().name("listen".to_owned()).spawn(move || {
            runtime.block_on(told.run_until_cancelled(serve(listener, board)));
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was said.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, board: Board) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
        match listener.accept().await {
            Err(_) => sleep(PAUSE).await,
            Ok((stream, _)) => {
                let board = board.clone();
                tokio::spawn(async move {
                    // Who is too slow is not waited for; Prometheus asks again.
                    let _ = timeout(ANSWER_WITHIN, answer_one(stream, &board)).await;
                    drop(place);
                });
            }
        }
    }
}

/// One request a connection: none is kept that nobody uses.
async fn answer_one(stream: TcpStream, board: &Board) {
    let service = service_fn(async |request: Request<Incoming>| {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), board))
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(ANSWER_WITHIN);
    // Whoever went away needs no answer.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(method: &Method, path: &str, board: &Board) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, OPEN_METRICS, exposition(board.figures()))
        }
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, HTML, page(&board.look())),
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, TEXT, "there is / and /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, TEXT, "this can only be read\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
