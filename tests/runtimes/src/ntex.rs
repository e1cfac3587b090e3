use std::io;
use std::net::TcpListener;

use ntex::web::{self, App, HttpServer};

pub async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    crate::announce(listener.local_addr()?)?;
    let app = async || App::new().default_service(web::to(async || crate::answer()));
    // SIGTERM ends the program by its default action. On a busy machine the handler of ntex 3.12 loses
    // it at times, in the foreground too, and the program runs on.
    let server = HttpServer::new(app).disable_signals();
    server.listen(listener)?.run().await
}
