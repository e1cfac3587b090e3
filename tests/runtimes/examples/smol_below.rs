//! The attribute above a macro by example, which passes an executor to `main`.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[macro_rules_attribute::apply(smol_macros::main!)]
async fn main(executor: &smol::Executor<'_>) -> std::io::Result<()> {
    executor.spawn(runtimes::smol::serve()).await
}
