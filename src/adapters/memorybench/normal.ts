/** How the scores of a set are spread, over all systems that MemoryBench's authors ran. */
export interface Norm {
  min: number
  max: number
  /** Mean. */
  mu: number
  /** Standard deviation. */
  sigma: number
}

const norm = (min: number, max: number, mu: number, sigma: number): Norm => ({ min, max, mu, sigma })

/**
 * The constants that MemoryBench normalises scores by, of each set within its domain and its task; the ten LoCoMo sets
 * count as one, `Locomo`. Numbers from THUIR/MemoryBench (Apache-2.0, commit 9a33aae),
 * configs/final_evaluate_summary_wo_details.json: dataset_min, dataset_max, dataset_mu, dataset_sigma.
 */
export const NORMS: Record<'domain' | 'task', Record<string, Record<string, Norm>>> = {
  domain: {
    'Open-Domain': {
      Locomo: norm(0, 1, 0.43739903244093, 0.46130109505314704),
      'DialSim-friends': norm(0, 1, 0.23529411764705882, 0.42418250299576343),
      'DialSim-bigbang': norm(0, 1, 0.1568627450980392, 0.36367131354885107),
      'DialSim-theoffice': norm(0, 1, 0.21568627450980393, 0.4112975875177065),
      'HelloBench-Creative&Design': norm(0, 1, 0.7660756501182034, 0.19389989280537495),
      WritingPrompts: norm(0.019652800524074678, 0.3009784401102524, 0.22139818848118872, 0.0531793409230923),
      'WritingBench-Creative&Design': norm(1, 9, 6.461240310077519, 1.5861713485314972),
      NFCats: norm(1, 5, 4.546666666666667, 0.8452744458984247),
    },
    Legal: {
      JuDGE: norm(1, 10, 7.3675, 1.4654158965972766),
      'LexEval-Summarization': norm(0, 0.4749999956570313, 0.219496517250544, 0.09151764391456972),
      'LexEval-Judge': norm(0, 0.42372880887182207, 0.0630849363991153, 0.12718950949197658),
      'LexEval-QA': norm(0, 0.3692307652260355, 0.12201772009816057, 0.06710966320652625),
      'WritingBench-Politics&Law': norm(1, 9, 6.685975609756097, 1.7095994108991088),
    },
    'Academic&Knowledge': {
      'HelloBench-Academic&Knowledge-QA': norm(0, 1, 0.8383340254706534, 0.14641772697797348),
      'HelloBench-Academic&Knowledge-Writing': norm(0, 1, 0.8253676470588235, 0.09935899358831071),
      IdeaBench: norm(0, 9, 5.9825, 1.4973956557970909),
      'JRE-L': norm(0, 8, 7.6925, 0.9914351970754315),
      'LimitGen-Syn': norm(0, 5, 1.375, 1.4677789343085694),
      'WritingBench-Academic&Engineering': norm(1, 9, 6.573529411764706, 1.9445714518854504),
    },
  },
  task: {
    'Long-Short': {
      Locomo: norm(0, 1, 0.43918538805036744, 0.4640817725267295),
      'DialSim-friends': norm(0, 1, 0.19607843137254902, 0.3970285633591488),
      'DialSim-bigbang': norm(0, 1, 0.18627450980392157, 0.38932803238558394),
      'DialSim-theoffice': norm(0, 1, 0.21568627450980393, 0.4112975875177065),
      'LexEval-Summarization': norm(0.04999999511250048, 0.5032258020362124, 0.2317733107335974, 0.08930309891624393),
      IdeaBench: norm(0, 9, 6.123333333333333, 1.4194325939927153),
      'LimitGen-Syn': norm(0, 4, 1.2966666666666666, 1.4658293064185732),
    },
    'Short-Long': {
      JuDGE: norm(0, 10, 7.4325, 1.4214231424878379),
      'HelloBench-Academic&Knowledge-QA': norm(0.32142857142857145, 1, 0.911752491694352, 0.1048513798087399),
      WritingPrompts: norm(0.02615233736515201, 0.3184997922906895, 0.22449578221905037, 0.04788928611625294),
    },
    'Long-Long': {
      'LexEval-Judge': norm(0, 0.43559718484168736, 0.06893909285802197, 0.1322704713850254),
      'WritingBench-Politics&Law': norm(1, 9, 6.5823170731707314, 1.8722764276184818),
      'HelloBench-Academic&Knowledge-Writing': norm(0.625, 1, 0.8393382352941177, 0.08694203035722968),
      'WritingBench-Academic&Engineering': norm(1, 9, 6.6286764705882355, 1.918846470586342),
      'HelloBench-Creative&Design': norm(0, 1, 0.7871010638297874, 0.1995697288306394),
      'WritingBench-Creative&Design': norm(1, 9, 6.396802325581396, 1.745706096362819),
    },
    'Short-Short': {
      'LexEval-QA': norm(0, 0.3616236123342547, 0.12312124506737952, 0.0673206327681146),
      'JRE-L': norm(2, 8, 7.85, 0.4716990566028302),
      NFCats: norm(1, 5, 4.4325, 0.9749070468511344),
    },
  },
}
