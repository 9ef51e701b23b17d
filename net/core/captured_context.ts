export { CapturedContext as Carry } from "../../runtime/core/captured_context.ts";
