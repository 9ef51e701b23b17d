/** Prints whether a loop that nobody told is in debug mode. */
import { EventLoop } from "../../../mod.ts";

console.log(new EventLoop().getDebug());
