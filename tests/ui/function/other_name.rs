#[daemon::main]
pub fn serve() {}

fn main() {
    serve();
}
