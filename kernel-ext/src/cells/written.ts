/** A function of a cell as it is written there: in TypeScript, where a kernel has only its JavaScript. */
import type TS from 'typescript'
import { ts } from '../typescript.js'

/** Functions of cells by what their JavaScript comes down to. */
export interface Written {
  /** Takes the functions of one more cell. */
  add(cell: TS.SourceFile): void
  /** The TypeScript of a function by its JavaScript: of the last one that it can be of; undefined if it is of no cell. */
  of(js: string): string | undefined
}

export function writtenFunctions(): Written {
  const known = new Map<string, string>()
  return {
    add(cell) {
      const visit = (node: TS.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body)
          known.set(canonical(plain(node, cell)), node.getText(cell))
        ts.forEachChild(node, visit)
      }
      visit(cell)
    },
    of: js => known.get(canonical(js)),
  }
}

/** As kernels compile it for Node 20. */
const OPTIONS: TS.CompilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }

/** A function without its types. */
function plain(node: TS.Node, cell: TS.SourceFile): string {
  const text = node.getText(cell)
  const code = ts.isClassElement(node) || ts.isObjectLiteralElement(node) ? `({ ${text} })` : `(${text})`
  const { outputText } = ts.transpileModule(code, { compilerOptions: OPTIONS })
  return code.startsWith('({') ? outputText.replace(/^\(\{|\}\);?\s*$/g, '') : outputText
}

/** Of punctuation, what the compiler writes in its own way. */
const OWN_WAY = new Set(['(', ')', ',', ';'])

/**
 * What is left of a function when that is taken away which differs between a cell and its JavaScript: layout, comments,
 * quotes, and the objects that names of the notebook and of packages have become properties of.
 */
function canonical(js: string): string {
  const file = ts.createSourceFile('function.js', `(${js})`, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const words: string[] = []
  const visit = (node: TS.Node): void => {
    if (ts.isPropertyAccessExpression(node) && isPlace(node.expression)) visit(node.name)
    // What our kernel makes of `{ a }`: `{ a: "a" in exports ? exports.a : a }`.
    else if (ts.isConditionalExpression(node) && /^"[^"]*" in exports$/.test(node.condition.getText(file)))
      visit(node.whenFalse)
    // What a call of an imported function becomes: `(0, package_1.name)(…)`.
    else if (
      ts.isBinaryExpression(node) &&
      node.getText(file).startsWith('0, ') &&
      ts.isPropertyAccessExpression(node.right)
    )
      visit(node.right)
    else if (ts.isShorthandPropertyAssignment(node)) words.push(node.name.text, ':', node.name.text)
    else if (ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) words.push(JSON.stringify(node.text))
    else if (node.getChildCount(file) > 0) for (const child of node.getChildren(file)) visit(child)
    else {
      const word = node.getText(file)
      if (word !== '' && !OWN_WAY.has(word)) words.push(word)
    }
  }
  visit(file)
  return words.join(' ')
}

/** `exports` has what cells declare, `name_1` what they import. */
const isPlace = (node: TS.Expression): boolean =>
  ts.isIdentifier(node) && (node.text === 'exports' || /_\d+$/.test(node.text))
