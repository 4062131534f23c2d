export { runReadme } from './readme.ts'
