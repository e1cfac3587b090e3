#[daemon::main]
const fn main() {
    println!("hello");
}
