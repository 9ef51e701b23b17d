export { PulledReader, type PullSource } from "../net/_pulled_reader.ts";
