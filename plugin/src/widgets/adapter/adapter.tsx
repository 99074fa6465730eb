export function Adapter() {
  return null
}
