/** What runs the packages as they are built builds them first, where a source is newer. */
export { build as setup } from './workspace.mjs'
