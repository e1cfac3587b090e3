//! Starts that fail, on a runtime.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::Shape;
use crate::world::{
    ask_async, fail, file, itself, listener_async, ms, serve_async, service, shell, thread, threads,
};

pub(crate) const SHAPES: &[Shape] = &[
    ("f-tokio-sleep", || after(async { sleep(ms(200)).await })),
    ("f-tokio-ct-sleep", || {
        thread().block_on(async { sleep(ms(200)).await });
        fail()
    }),
    ("f-smol-sleep", || {
        smol::block_on(smol::Timer::after(ms(200)));
        fail()
    }),
    ("f-uring-sleep", || {
        tokio_uring::start(async { sleep(ms(200)).await });
        fail()
    }),
    ("f-blocking", || {
        after(async { drop(spawn_blocking(|| std::thread::sleep(ms(300))).await) });
    }),
    ("f-tokio-dns", || {
        after(async {
            drop(
                tokio::net::lookup_host("db.example.com:5432")
                    .await
                    .map(|_| ()),
            )
        });
    }),
    ("f-tokio-connect-timeout", || after(connect_to_full())),
    ("f-tokio-connect-refused-late", || {
        after(async { drop(TcpStream::connect(service("LATE")).await) });
    }),
    ("f-tokio-backoff", || after(retry_with_backoff())),
    ("f-tokio-child", || {
        let command = shell("sleep 0.4; exit 1");
        after(async { drop(tokio::process::Command::from(command).status().await) });
    }),
    ("f-tokio-child-work", || {
        let command = itself("f-work400");
        after(async { drop(tokio::process::Command::from(command).status().await) });
    }),
    ("f-db-reply", || {
        after(async { drop(ask_async(service("DATABASE")).await) })
    }),
    ("f-tokio-slow-reply", || {
        after(async { drop(ask_async(service("SILENT")).await) })
    }),
    ("f-tokio-unix-slow-reply", || {
        after(async {
            let mut stream = UnixStream::connect(file("silent"))
                .await
                .expect("a connection");
            stream.write_all(b"x").await.expect("sent");
            stream.read_exact(&mut [0; 1]).await.ok();
        });
    }),
    ("f-listen-slow-reply", || {
        after(async {
            let _listener = listener_async().await;
            drop(ask_async(service("SILENT")).await);
        });
    }),
    ("f-tokio-listen-connect", || {
        after(async {
            let _listener = listener_async().await;
            connect_to_full().await;
        });
    }),
    ("f-tokio-listen-sleep", || {
        after(async {
            let _listener = listener_async().await;
            sleep(ms(200)).await;
        });
    }),
    ("f-tokio-listen-backoff", || {
        after(async {
            let _listener = listener_async().await;
            retry_with_backoff().await;
        });
    }),
    ("f-tokio-accept-fail", || {
        after(async {
            tokio::spawn(serve_async(listener_async().await));
            sleep(ms(200)).await;
        });
    }),
];

/// Fails after this, on several threads.
fn after(start: impl Future<Output = ()>) {
    threads().block_on(start);
    fail()
}

async fn connect_to_full() {
    drop(timeout(ms(400), TcpStream::connect(service("FULL"))).await);
}

async fn retry_with_backoff() {
    for pause in [50, 100, 200] {
        drop(ask_async(service("REFUSED")).await);
        sleep(ms(pause)).await;
    }
}
